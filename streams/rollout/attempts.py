"""The update attempts of devices: a join semilattice, so order and repetition change nothing."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from streams.device_index import COLUMNS as INDEX_COLUMNS
from streams.device_index import DeviceIndex, Rows
from streams.growing import grown, owned
from streams.rollout.acks import Acks, Flags, Stretches, attempt_keys, stretches
from streams.rollout.attempt_joining import Timeouts, joined
from streams.rollout.deadlines import Deadlines, Stamps
from streams.rollout.outcomes import (
    IN_A,
    IN_B,
    LOST,
    OF_ATTEMPT,
    OUTCOMES,
    AttemptCounts,
    Rank,
    counted,
    outcomes,
)
from streams.rollout.slot_claims import second_claims

COLUMNS: Final[Mapping[str, type]] = {
    "accepted_us": np.int64,
    "trial": np.uint32,
    "attempt": np.int32,
    "rejected": np.uint32,
    "rank": np.uint8,
    "marks": np.uint8,
}
"""What is kept of a device beside its id. `trial` is when the attempt at hand first said that it
boots the release on trial, in ticks of `Timeouts`; 0: it did not. `rejected` has a bit for each
attempt it rejected."""

_LAST_BIT: Final = 31  # attempts from this one on share it


class Attempts:
    """The devices of one release in one partition, by stratum: some 70 bytes each with their id.

    A device stands at the maximum of (attempt, rank) over its accepted attempts. An offer, a
    deferral or a rejection before acceptance starts nothing; a rejection of an accepted attempt
    is a failure. What is tested is whether a device is committed in time, however often it tries:
    a failure that is tried again decides nothing before the time is up, and what is decided does
    not come back. That holds for a device that boots the release on trial and says nothing more,
    too: so looks a model that hangs the machine. Known failures never become fewer, as the evidence
    of harm needs it.

    Args:
        strata: How many strata the release has.
        timeouts: In which a device must become final.
    """

    def __init__(self, strata: int, timeouts: Timeouts) -> None:
        self._timeouts = timeouts
        self._index = DeviceIndex()
        self._deadlines, self._trials = Deadlines(), Deadlines()
        self._columns: dict[str, npt.NDArray[Any]] = {
            name: np.zeros(0, kind) for name, kind in COLUMNS.items()
        }
        self._devices = np.zeros((strata, OUTCOMES), np.int64)

    def __len__(self) -> int:
        return len(self._index)

    @property
    def due_us(self) -> int | None:
        """Ingest time past which the next device may have fallen silent; None: none is open."""
        queues = zip((self._deadlines, self._trials), self._timeouts, strict=True)
        due = (
            first_us + timeout_us
            for queue, timeout_us in queues
            if (first_us := queue.first_us) is not None
        )
        return min(due, default=None)

    def counts(self, stratum: int) -> AttemptCounts:
        """Devices of a stratum by what happened to them."""
        return counted(self._devices[stratum])

    def merge(self, acks: Acks) -> Rows:
        """Join acknowledgements that follow in the log on those joined before.

        Returns:
            Places of those that claim a slot beside that of their attempt, rising: they change
            nothing.

        Raises:
            DeviceLimitError: One device would be one too many.
        """
        known = len(self._index)
        rows = self._index.rows(acks.devices, acks.strata)
        for name, column in self._columns.items():
            self._columns[name] = grown(column, len(self._index))
        order = np.argsort(rows, kind="stable")
        told = rows[order][np.flatnonzero(np.diff(rows[order], prepend=-1))]
        heard = self._heard(rows, order[acks.ranks[order] > 0], acks.attempts)
        wrong = self._second_claims(rows[heard], acks.attempts[heard], acks.slots[heard])
        marks = acks.marks.copy()
        marks[heard[wrong]] = 0
        self._count(told[told < known], -1)
        np.bitwise_or.at(self._columns["marks"], rows, marks)
        rejected = _bits(acks.attempts[acks.rejects])
        np.bitwise_or.at(self._columns["rejected"], rows[acks.rejects], rejected)
        self._advance(stretches(rows, heard[~wrong], acks))
        self._count(told, 1)
        return np.sort(heard[wrong])

    def expire(self, now_us: int) -> None:
        """The log was read past `now_us`: devices that were not final in time are lost."""
        waited = self._deadlines.pop_before(now_us - self._timeouts.commit_us)
        began_before_us = now_us - self._timeouts.trial_us
        tried = self._trials.pop_before(began_before_us)
        tried = tried[self._on_trial(tried) & (self._trial_us(tried) < began_before_us)]
        rows = np.union1d(waited, tried)
        rows = rows[self._open(rows)]
        self._count(rows, -1)
        self._columns["marks"][rows] |= LOST
        self._count(rows, 1)

    def packed(self) -> Iterator[tuple[str, memoryview]]:
        """The state, column by column, valid until the next merge; `unpacked` takes the bytes."""
        own = {name: column[: len(self)] for name, column in self._columns.items()}
        for name, column in (own | self._index.columns()).items():
            yield name, column.view(np.uint8).data

    @classmethod
    def unpacked(cls, packed: Mapping[str, bytes], strata: int, timeouts: Timeouts) -> Self:
        """The table that was packed."""
        made = cls(strata, timeouts)
        kinds = {**COLUMNS, **INDEX_COLUMNS}
        columns: dict[str, npt.NDArray[Any]] = {
            name: owned(packed[name], kind) for name, kind in kinds.items()
        }
        made._columns = {name: columns[name] for name in COLUMNS}
        made._index = DeviceIndex.restored(columns)
        known = np.arange(len(made))
        rows = np.flatnonzero(made._open(known) & (made._columns["rank"] > 0))
        made._deadlines.add(made._columns["accepted_us"][rows], rows)
        rows = rows[made._on_trial(rows)]
        made._trials.add(made._trial_us(rows), rows)
        made._count(known, 1)
        return made

    def _heard(self, rows: Rows, ranked: Rows, attempts: npt.NDArray[np.int64]) -> Rows:
        """Which of the places with a rank, sorted by row and then by place in the log, count.

        What is told of an attempt after a newer one was told of counts nothing.
        """
        told, held = attempts[ranked], self._columns["attempt"][rows[ranked]]
        newest = np.maximum.accumulate(attempt_keys(rows[ranked], np.maximum(told, held)))
        heard: Rows = ranked[newest == attempt_keys(rows[ranked], told)]
        return heard

    def _second_claims(
        self, rows: Rows, attempts: npt.NDArray[np.int64], slots: npt.NDArray[np.uint8]
    ) -> Flags:
        """Which of those that count claim another slot than their attempt did first."""
        held = self._columns["marks"][rows] & np.uint8(IN_A | IN_B)
        held *= self._columns["attempt"][rows] == attempts
        return second_claims(attempt_keys(rows, attempts), slots, held)

    def _advance(self, told: Stretches) -> None:
        """Join what a batch tells of single attempts."""
        held = {name: column[told.rows] for name, column in self._columns.items()}
        after = joined(told, held, self._timeouts)
        np.bitwise_or.at(self._columns["marks"], told.rows[after.late], np.uint8(LOST))
        last = np.diff(told.rows, append=-1) != 0
        rows = told.rows[last]
        waits = held["attempt"][last] > 0
        waits &= self._open(rows)
        marks = self._columns["marks"][rows] & np.uint8(0xFF ^ OF_ATTEMPT)
        self._columns["marks"][rows] = marks | after.marks[last]
        self._columns["attempt"][rows] = told.attempts[last]
        self._columns["rank"][rows] = after.ranks[last]
        was_us = self._trial_us(rows)
        self._columns["accepted_us"][rows] = after.accepted_us[last]
        self._columns["trial"][rows] = self._timeouts.ticks(
            after.accepted_us[last], after.trial_us[last]
        )
        begun = self._open(rows) & ~waits
        self._deadlines.add(after.accepted_us[last][begun], rows[begun])
        tried = self._open(rows) & self._on_trial(rows)
        tried &= after.trial_us[last] != was_us
        self._trials.add(after.trial_us[last][tried], rows[tried])

    def _trial_us(self, rows: Rows) -> Stamps:
        """When devices began their trial; 0: they did not."""
        ticks = self._columns["trial"][rows]
        return self._timeouts.trials(self._columns["accepted_us"][rows], ticks)

    def _on_trial(self, rows: Rows) -> Flags:
        """Which devices said last that they boot the release on trial."""
        found: Flags = self._columns["rank"][rows] == Rank.TRIAL_BOOT
        return found

    def _open(self, rows: Rows) -> Flags:
        """Which devices may still commit in time; those that never accepted may, too."""
        ranks = self._columns["rank"][rows]
        found: Flags = (ranks != Rank.COMMITTED) & (ranks != Rank.ORDERED_BACK)
        found &= self._columns["marks"][rows] & LOST == 0
        return found

    def _count(self, rows: Rows, sign: int) -> None:
        """Add devices, all different, to the counts, or take them out."""
        column = {name: values[rows] for name, values in self._columns.items()}
        rejected = column["rejected"] & _bits(column["attempt"]) != 0
        found = outcomes(column["rank"], rejected, column["marks"])
        found += self._index.strata[rows].astype(np.int64) * OUTCOMES
        self._devices += sign * np.bincount(found, minlength=self._devices.size).reshape(
            self._devices.shape
        )


def _bits(attempts: npt.NDArray[Any]) -> npt.NDArray[np.uint32]:
    """The bit of `rejected` that stands for each attempt."""
    bits: npt.NDArray[np.uint32] = np.uint32(1) << np.minimum(attempts, _LAST_BIT).astype(np.uint32)
    return bits
