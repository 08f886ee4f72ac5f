"""The update attempts of devices: a join semilattice, so order and repetition change nothing."""

import base64
import functools
from array import array
from collections.abc import Iterator
from enum import IntEnum
from typing import Any, Final, NamedTuple

from schemas.records import AckState

MAX_DEVICES: Final = 2_000_000
"""Devices of one release that one partition keeps."""

ROLLBACK_ORDERED: Final = "ROLLBACK_ORDERED"
SAFETY_REASON: Final = "SAFETY"


class DeviceLimitError(RuntimeError):
    """More devices than a fold may keep; the message names the limit."""


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


# What is remembered beside the rank, as bits of one byte.
_LATE: Final = 1  # was not final in time: its tested outcome stays a failure
_COMMITTED: Final = 2  # committed in the attempt at hand
_DEFERRED: Final = 4
_SAFETY: Final = 8
_ALL: Final = 15


class AttemptCounts(NamedTuple):
    """Devices by what happened to them.

    Attributes:
        offered: All that were heard of.
        accepted: Ever accepted; nobody leaves.
        committed: Committed in time and not failed since.
        failed: Failed or reverted by themselves in their last attempt.
        silent: Said nothing final in time (or too late), and did not fail.
        deferred: Ever deferred.
        critical: Gave a safety reason.
        rolled_back: Back on the earlier model by order.
    """

    offered: int = 0
    accepted: int = 0
    committed: int = 0
    failed: int = 0
    silent: int = 0
    deferred: int = 0
    critical: int = 0
    rolled_back: int = 0

    def plus(self, other: "AttemptCounts", sign: int = 1) -> "AttemptCounts":
        """Sum, or difference with sign -1."""
        return AttemptCounts(*(a + sign * b for a, b in zip(self, other, strict=True)))


_RANKS: Final = {
    AckState.ACCEPTED: Rank.ACCEPTED,
    AckState.DOWNLOADED: Rank.DOWNLOADED,
    AckState.VERIFIED: Rank.VERIFIED,
    AckState.INSTALLED: Rank.INSTALLED,
    AckState.TRIAL_BOOT: Rank.TRIAL_BOOT,
    AckState.COMMITTED: Rank.COMMITTED,
    AckState.REVERTED: Rank.FAILED,
    AckState.INSTALL_FAILED: Rank.FAILED,
}


class Ack(NamedTuple):
    """What an acknowledgement says, with the broker's stamp in microseconds."""

    device_id: str
    attempt: int
    state: str
    reason: str
    runs_release: bool
    stamp_us: int


def rank_of(ack: Ack) -> int:
    """Rank an acknowledgement proves; 0: none, it says something beside the attempt.

    COMMITTED counts only when the model that runs is the release's: without it the device is
    still trying.
    """
    rank = _RANKS.get(ack.state, 0)  # type: ignore[call-overload]  # a StrEnum key equals its text
    if rank == Rank.COMMITTED and not ack.runs_release:
        return Rank.TRIAL_BOOT
    if rank == Rank.FAILED and ack.reason == ROLLBACK_ORDERED:
        return Rank.ORDERED_BACK
    return int(rank)


@functools.cache  # at most 9 ranks times 16 marks times 2
def _share_of(rank: int, marks: int, rejected: bool) -> AttemptCounts:
    """What one device adds to the counts."""
    failed = rank == Rank.FAILED or (rejected and 0 < rank < Rank.COMMITTED)
    silent = not failed and bool(marks & _LATE)
    return AttemptCounts(
        offered=1,
        accepted=int(rank > 0),
        committed=int(bool(marks & _COMMITTED) and not failed and not silent),
        failed=int(failed),
        silent=int(silent),
        deferred=int(bool(marks & _DEFERRED)),
        critical=int(bool(marks & _SAFETY)),
        rolled_back=int(rank == Rank.ORDERED_BACK),
    )


class Attempts:
    """The devices of one release in one stratum and one partition: some 20 bytes each.

    A device stands at the maximum of (attempt, rank) over its accepted attempts. An offer, a
    deferral or a rejection before acceptance starts nothing; a rejection of an accepted attempt
    is a failure. A new accepted attempt replaces the outcome of the one before.
    """

    def __init__(self) -> None:
        self._row: dict[str, int] = {}
        self._attempt = array("i")
        self._rank = array("b")
        self._marks = array("B")
        self._rejected = array("i")
        self._accepted_us = array("q")
        self.counts = AttemptCounts()

    def merge(self, ack: Ack, timeout_us: int) -> int | None:
        """Join an acknowledgement.

        Args:
            ack: What the device said.
            timeout_us: Time after acceptance in which the attempt must become final.

        Returns:
            When the attempt accepted, if this acknowledgement is the first to tell of it.

        Raises:
            DeviceLimitError: MAX_DEVICES are known and this is another one.
        """
        row = self._row.get(ack.device_id)
        if row is None:
            row = self._add(ack.device_id)
        before = self._share(row)
        rank = rank_of(ack)
        began = self._advance(row, rank, ack, timeout_us) if rank else None
        self._mark(row, ack)
        self._count(before, self._share(row))
        return began

    def expire(self, device_id: str, accepted_us: int) -> None:
        """The log was read past the deadline of the attempt accepted then."""
        row = self._row[device_id]
        if self._accepted_us[row] != accepted_us or self._rank[row] >= Rank.COMMITTED:
            return
        before = self._share(row)
        self._marks[row] |= _LATE
        self._count(before, self._share(row))

    def undecided(self) -> Iterator[tuple[int, str]]:
        """(accepted_us, device_id) of every attempt that may still become late."""
        for device_id, row in self._row.items():
            if 0 < self._rank[row] < Rank.COMMITTED and not self._marks[row] & _LATE:
                yield self._accepted_us[row], device_id

    def state(self) -> dict[str, Any]:
        """State as JSON values."""
        columns = {name: getattr(self, name) for name in _COLUMNS}
        packed = {
            name: base64.b64encode(column.tobytes()).decode() for name, column in columns.items()
        }
        return {"devices": list(self._row), "counts": list(self.counts), **packed}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "Attempts":
        """The table that `state` described."""
        table = cls()
        table._row = {device_id: row for row, device_id in enumerate(state["devices"])}
        table.counts = AttemptCounts(*state["counts"])
        for name in _COLUMNS:
            getattr(table, name).frombytes(base64.b64decode(state[name]))
        return table

    def _add(self, device_id: str) -> int:
        row = len(self._row)
        if row >= MAX_DEVICES:
            raise DeviceLimitError(
                f"rollout: device {device_id} is one more than MAX_DEVICES={MAX_DEVICES} of a "
                "release in one partition; give the device topics more partitions"
            )
        self._row[device_id] = row
        for name in _COLUMNS:
            getattr(self, name).append(0)
        self.counts = self.counts.plus(AttemptCounts(offered=1))
        return row

    def _advance(self, row: int, rank: int, ack: Ack, timeout_us: int) -> int | None:
        began = None
        if ack.attempt > self._attempt[row]:
            self._attempt[row], self._rank[row] = ack.attempt, 0
            self._marks[row] &= _ALL ^ _COMMITTED
            self._accepted_us[row] = began = ack.stamp_us
        if ack.attempt == self._attempt[row]:
            decided = self._rank[row] >= Rank.COMMITTED
            if not decided and ack.stamp_us > self._accepted_us[row] + timeout_us:
                self._marks[row] |= _LATE
            if rank == Rank.COMMITTED:
                self._marks[row] |= _COMMITTED
            self._rank[row] = max(self._rank[row], rank)
        return began

    def _mark(self, row: int, ack: Ack) -> None:
        if ack.state == AckState.DEFERRED:
            self._marks[row] |= _DEFERRED
        if ack.state == AckState.REJECTED:
            self._rejected[row] = max(self._rejected[row], ack.attempt)
        if ack.reason == SAFETY_REASON:
            self._marks[row] |= _SAFETY

    def _share(self, row: int) -> AttemptCounts:
        rejected = self._rejected[row] == self._attempt[row]
        return _share_of(self._rank[row], self._marks[row], rejected)

    def _count(self, before: AttemptCounts, after: AttemptCounts) -> None:
        if before is not after:
            self.counts = self.counts.plus(before, -1).plus(after)


_COLUMNS: Final = ("_attempt", "_rank", "_marks", "_rejected", "_accepted_us")
