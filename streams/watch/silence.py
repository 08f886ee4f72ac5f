"""Who of the expected devices of one partition is silent at a moment of ingest time."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from streams.watch.hearing import Hearing, Ints
from streams.watch.registry import Versions

MAX_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Missing:
    """A silent device.

    Attributes:
        silent_us: Time since it was heard last, or since it registered.
    """

    device_id: str
    silent_us: int


@dataclass(frozen=True, slots=True)
class Silence:
    """What holds for one fleet at one moment.

    Attributes:
        group: Number of the fleet.
        longest: Up to 20 silent devices, those silent longest first.
    """

    group: int
    expected: int
    silent: int
    longest: tuple[Missing, ...]


def judge(
    expected: Versions, fleets: int, hearing: Hearing, moment_us: int, since_us: int
) -> Iterator[Silence]:
    """Count expected and silent devices of each of the fleets 0 to `fleets` - 1.

    A device is silent when neither a report nor its registry record was stamped within its
    patience. Nothing is known of the time before `since_us`, where the log begins: nobody is
    silent for longer than that.
    """
    heard = np.maximum(hearing.last(expected.device), expected.stamp_us)
    silent_us = moment_us - np.maximum(heard, since_us)
    is_silent = silent_us > expected.patience_ms.astype(np.int64) * 1_000
    groups = expected.group.astype(np.int64)
    counts = np.bincount(groups, minlength=fleets)
    silent = np.bincount(groups[is_silent], minlength=fleets)
    for group in range(fleets):
        longest: tuple[Missing, ...] = ()
        if silent[group]:
            longest = _longest(expected, silent_us, np.flatnonzero(is_silent & (groups == group)))
        yield Silence(group, int(counts[group]), int(silent[group]), longest)


def _longest(expected: Versions, silent_us: Ints, rows: Ints) -> tuple[Missing, ...]:
    if len(rows) > MAX_SHOWN:
        edge = np.partition(silent_us[rows], -MAX_SHOWN)[-MAX_SHOWN]
        rows = rows[silent_us[rows] >= edge]
    found = [Missing(expected.ids[row].as_py(), int(silent_us[row])) for row in rows.tolist()]
    found.sort(key=lambda one: (-one.silent_us, one.device_id))
    return tuple(found[:MAX_SHOWN])
