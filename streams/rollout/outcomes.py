"""What one device's attempts amount to: ranks, marks, and what they add to the counts."""

from enum import IntEnum
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from schemas.records import AckState


class Rank(IntEnum):
    """How far an accepted attempt is; the higher rank wins.

    Failing by itself stands above going back by order: what failed is not excused by the order.
    """

    ACCEPTED = 1
    DOWNLOADED = 2
    VERIFIED = 3
    INSTALLED = 4
    TRIAL_BOOT = 5
    COMMITTED = 6
    ORDERED_BACK = 7
    FAILED = 8


RANKS: Final = {
    AckState.ACCEPTED: Rank.ACCEPTED,
    AckState.DOWNLOADED: Rank.DOWNLOADED,
    AckState.VERIFIED: Rank.VERIFIED,
    AckState.INSTALLED: Rank.INSTALLED,
    AckState.TRIAL_BOOT: Rank.TRIAL_BOOT,
    AckState.COMMITTED: Rank.COMMITTED,
    AckState.REVERTED: Rank.FAILED,
    AckState.INSTALL_FAILED: Rank.FAILED,
}
"""Rank that a state proves; the others say something beside the attempt."""

# What is remembered beside the rank, as bits of one byte.
LOST: Final = 1  # not final in time, or failed beyond repair: its tested outcome is a failure
ONCE_COMMITTED: Final = 2  # in the attempt at hand
DEFERRED: Final = 4
SAFETY: Final = 8
_MARKS: Final = 16  # from here on marks count nothing
IN_A: Final = 16  # the slot that the attempt at hand claimed
IN_B: Final = 32
OF_ATTEMPT: Final = ONCE_COMMITTED | IN_A | IN_B
"""Marks that the next attempt begins without."""


class AttemptCounts(NamedTuple):
    """Devices by what happened to them.

    Attributes:
        offered: All that were heard of.
        accepted: Ever accepted; nobody leaves.
        committed: Committed in time and not failed since.
        failed: Failed or reverted by themselves in their last attempt, and not to be mended.
        silent: Said nothing final in time (or too late), or tries once more what no retry mends;
            and has not failed again.
        deferred: Ever deferred.
        critical: Gave a safety reason.
        rolled_back: Back on the earlier model by order, or after a failure that is tried again.
    """

    offered: int = 0
    accepted: int = 0
    committed: int = 0
    failed: int = 0
    silent: int = 0
    deferred: int = 0
    critical: int = 0
    rolled_back: int = 0


def outcomes(
    ranks: npt.NDArray[np.uint8], rejected: npt.NDArray[np.bool_], marks: npt.NDArray[np.uint8]
) -> npt.NDArray[np.int64]:
    """Outcome number of each device, below `OUTCOMES`.

    Args:
        ranks: Of the attempt at hand.
        rejected: Whether the device rejected it.
        marks: What is remembered beside.
    """
    return (ranks.astype(np.int64) * 2 + rejected) * _MARKS + marks % _MARKS


def counted(devices: npt.NDArray[np.int64]) -> AttemptCounts:
    """Counts of so many devices of each outcome, int64[OUTCOMES]."""
    return AttemptCounts(*(devices @ _SHARES).tolist())


def _share(rank: int, rejected: bool, marks: int) -> AttemptCounts:
    """What one device adds to the counts."""
    lost, mendable = bool(marks & LOST), rank == Rank.FAILED and not marks & LOST
    failed = (rank == Rank.FAILED and lost) or (rejected and 0 < rank < Rank.COMMITTED)
    silent = not failed and lost
    return AttemptCounts(
        offered=1,
        accepted=int(rank > 0),
        committed=int(bool(marks & ONCE_COMMITTED) and not (failed or silent or mendable)),
        failed=int(failed),
        silent=int(silent),
        deferred=int(bool(marks & DEFERRED)),
        critical=int(bool(marks & SAFETY)),
        rolled_back=int(rank == Rank.ORDERED_BACK or mendable),
    )


_SHARES: Final = np.array(
    [
        _share(rank, bool(rejected), marks)
        for rank in range(Rank.FAILED + 1)
        for rejected in range(2)
        for marks in range(_MARKS)
    ],
    np.int64,
)
OUTCOMES: Final = len(_SHARES)
