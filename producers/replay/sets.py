"""The data sets that can be replayed: how each is read, and where it may go."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from producers.replay import azure, comma, dmv, fsdd, gtsrb, nab, nezha, nhtsa, openacc
from producers.replay.events import Item
from schemas.topics import DISENGAGEMENTS, INCIDENTS, TopicSpec


@dataclass(frozen=True, slots=True)
class DataSet:
    """One data set.

    Attributes:
        read: Items of the folder, events by time; raises ReplayError.
        topics: That its events reach; none: it replays to JSON lines only.
    """

    name: str
    read: Callable[[Path], Iterator[Item]]
    topics: tuple[TopicSpec, ...] = ()


DATA_SETS: Final[Mapping[str, DataSet]] = {
    one.name: one
    for one in (
        DataSet(gtsrb.NAME, gtsrb.read),
        DataSet(openacc.NAME, openacc.read, (DISENGAGEMENTS,)),
        DataSet(dmv.NAME, dmv.read, (DISENGAGEMENTS,)),
        DataSet(nhtsa.NAME, nhtsa.read, (INCIDENTS,)),
        DataSet(comma.NAME, comma.read),
        DataSet(fsdd.NAME, fsdd.read),
        DataSet(nezha.NAME, nezha.read),
        DataSet(nab.NAME, nab.read),
        DataSet(azure.NAME, azure.read),
    )
}
