"""Acknowledgements about one release as columns, and what they tell of single attempts."""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from streams.device_index import Rows
from streams.rollout.deadlines import Stamps
from streams.rollout.outcomes import ONCE_COMMITTED, Rank

NEVER: Final = np.iinfo(np.int64).max
_NUMBER_BITS: Final = 32  # what an attempt takes of its key

Flags = npt.NDArray[np.bool_]


class Acks(NamedTuple):
    """Acknowledgements about one release in log order, columns of n.

    Attributes:
        devices: Device ids, text.
        strata: uint8, which stratum the device is of.
        attempts: int64, from 1.
        ranks: uint8, the rank each proves; 0: none.
        marks: uint8, bits of `streams.rollout.outcomes`.
        slots: uint8, IN_A or IN_B of them: the slot that it claims; 0: none.
        rejects: bool, whether it rejects the attempt.
        stamps_us: int64, the broker's stamps, which never go back.
    """

    devices: pa.Array
    strata: npt.NDArray[np.uint8]
    attempts: npt.NDArray[np.int64]
    ranks: npt.NDArray[np.uint8]
    marks: npt.NDArray[np.uint8]
    slots: npt.NDArray[np.uint8]
    rejects: Flags
    stamps_us: Stamps


class Stretches(NamedTuple):
    """What a batch tells of single attempts: consecutive ones of a device follow on each other.

    Attributes:
        rows, attempts: Which attempt, by rising row and attempt.
        first_us: Stamp of the first that is told of it.
        trial_us: Stamp of the first that says that it is on trial; 0: none does.
        decided_us: Stamp of the first that ends it; NEVER: none does.
        failed_us: Stamp of the last that says that it failed; 0: none does.
        ranks: The highest rank told.
        marks: Those of OF_ATTEMPT that were told.
    """

    rows: Rows
    attempts: npt.NDArray[np.int64]
    first_us: Stamps
    trial_us: Stamps
    decided_us: Stamps
    failed_us: Stamps
    ranks: npt.NDArray[np.uint8]
    marks: npt.NDArray[np.uint8]


def attempt_keys(rows: Rows, attempts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """One number for each pair of a device's row and an attempt; it rises as they do."""
    keys: npt.NDArray[np.int64] = rows << _NUMBER_BITS | attempts
    return keys


def stretches(rows: Rows, heard: Rows, acks: Acks) -> Stretches:
    """What the places `heard`, sorted by row, then attempt, then place in the log, tell."""
    attempts, ranks, stamps_us = acks.attempts[heard], acks.ranks[heard], acks.stamps_us[heard]
    first = np.flatnonzero(np.diff(attempt_keys(rows[heard], attempts), prepend=-1))
    trial_us = np.minimum.reduceat(np.where(ranks == Rank.TRIAL_BOOT, stamps_us, NEVER), first)
    decided_us = np.where(ranks >= Rank.COMMITTED, stamps_us, NEVER)
    committed = (ranks == Rank.COMMITTED) * np.uint8(ONCE_COMMITTED)
    return Stretches(
        rows=rows[heard[first]],
        attempts=attempts[first],
        first_us=stamps_us[first],
        trial_us=trial_us * (trial_us != NEVER),
        decided_us=np.minimum.reduceat(decided_us, first),
        failed_us=np.maximum.reduceat(stamps_us * (ranks == Rank.FAILED), first),
        ranks=np.maximum.reduceat(ranks, first),
        marks=np.bitwise_or.reduceat(committed | acks.slots[heard], first),
    )
