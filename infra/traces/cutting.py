"""Cuts the trace of a release out of a store of records: the log, or ClickHouse."""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from tempfile import TemporaryFile
from typing import IO, Protocol

from schemas.facts import Fact
from schemas.signing import Keyring
from schemas.topics import MODEL_RELEASES, TopicSpec
from streams.rollout.cut_trace import head, written
from streams.rollout.trace_cutting import BESIDE, DECIDED, Cut, trusted


class Store(Protocol):
    """Where records are, by topic and partition.

    Attributes:
        unreadable: Records passed over so far because they cannot be decoded.
    """

    unreadable: int

    def partitions(self, topic: TopicSpec) -> Sequence[int]:
        """Those that have records."""
        ...

    def read(self, topic: TopicSpec, partition: int, since_us: int = 0) -> Iterator[Fact]:
        """Readable records stamped then or later, by offset."""
        ...


def cut_trace(release_id: str, store: Store, keyring: Keyring) -> Iterator[str]:
    """The lines of a release's trace, by stamp; of one stamp by topic, partition and offset.

    Partitions are read one after another into files of the system's temporary folder, and merged
    from there: memory does not grow with the rollout.

    Raises:
        NoReleaseError: Its proposal is not there.
    """
    proposals = (store.read(MODEL_RELEASES, number) for number in store.partitions(MODEL_RELEASES))
    cut = Cut.of(release_id, (fact for facts in proposals for fact in facts))
    yield head(release_id)
    with ExitStack() as stack:
        spools = []
        for facts in _partitions(cut, store, keyring):
            spool = stack.enter_context(TemporaryFile("w+", encoding="utf-8"))
            spools.append(_spooled(spool, facts))
        for line in heapq.merge(*spools):
            yield line.partition("\t")[2].rstrip("\n")


def _partitions(cut: Cut, store: Store, keyring: Keyring) -> Iterator[Iterable[Fact]]:
    for topic in DECIDED:
        for number in store.partitions(topic):
            yield trusted(store.read(topic, number), keyring)
    for topic in BESIDE:
        since_us = cut.since_us(topic.name)
        for number in store.partitions(topic):
            if cut.reads(topic.name, number):
                yield cut.taken(topic.name, store.read(topic, number, since_us))


def _spooled(spool: IO[str], facts: Iterable[Fact]) -> Iterator[str]:
    """Lines that begin with their place in the order, so that text sorts as the trace does."""
    for fact in facts:
        at = f"{fact.stamp_us:020d} {fact.topic} {fact.partition:06d} {fact.offset:020d}"
        spool.write(f"{at}\t{written(fact)}\n")
    spool.seek(0)
    return iter(spool)
