"""Stage one over ota-acks: which devices accepted, committed, failed, fell silent or went back."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.records import ModelRelease
from streams.blobs import Blobs, Reading
from streams.device_index import Rows
from streams.processor import LogBatch
from streams.rollout.ack_columns import COLUMNS as ACK_COLUMNS
from streams.rollout.ack_columns import acks_of
from streams.rollout.ack_judging import EVERYBODY, AckJudge, Entitlements
from streams.rollout.attempt_joining import Timeouts
from streams.rollout.attempts import Attempts
from streams.rollout.cells import Cells
from streams.rollout.deadlines import Stamps
from streams.rollout.policy import Policy
from streams.rollout.proposals import Proposals
from streams.rollout.slot_claims import second_slot

Why: TypeAlias = Callable[[dict[str, Any], int], tuple[str, str]]
"""Field and reason of a refused row, by the row and its stamp."""


class Refused(NamedTuple):
    """An acknowledgement that says what cannot be, with its place and its row."""

    offset: int
    stamp_us: int
    field: str
    reason: str
    row: dict[str, Any]


class AckFold:
    """Folds one partition of ota-acks.

    Args:
        policy: Its timeouts and attempts.
        proposals: Every release proposed so far, at least up to the newest record of the batch.
        snapshot: State to go on from.
        entitlements: Who may take which release so far, likewise.
    """

    def __init__(
        self,
        policy: Policy,
        proposals: Proposals,
        snapshot: bytes | None = None,
        entitlements: Entitlements = EVERYBODY,
    ) -> None:
        self._timeouts = Timeouts(
            round(policy.commit_timeout_s * 1e6), round(policy.trial_timeout_s * 1e6)
        )
        self._attempts = policy.attempts
        self._proposals = proposals
        self._judge = AckJudge(proposals, entitlements)
        self._retired_us = entitlements.retired_us
        self._tables: dict[str, tuple[tuple[str, ...], Attempts]] = {}
        self._refused: list[Refused] = []
        self.cells = Cells()
        self.watermark_us = 0
        if snapshot is not None:
            self._restore(Reading(snapshot))

    def apply(self, batch: LogBatch) -> None:
        """Include the next stretch of the partition."""
        releases = pc.dictionary_encode(batch.rows.column("release_id"))
        codes = releases.indices.to_numpy()
        wrong = self._judge.wrong(batch)
        self._refused.extend(_letters(batch, np.flatnonzero(wrong), self._judge.why))
        # An attempt is timed by the log it is told in, whose time does not go back.
        stamps_us = np.maximum.accumulate(np.maximum(batch.stamps_us, self.watermark_us))
        rows = batch.rows.select(ACK_COLUMNS)
        for code, release_id in enumerate(releases.dictionary.to_pylist()):
            mine = np.flatnonzero((codes == code) & ~wrong)
            known = self._proposals(release_id)
            if known is not None and mine.size:
                told = rows if mine.size == len(codes) else rows.take(pa.array(mine))
                twice = mine[self._merge(known.record, told, stamps_us[mine])]
                self._refused.extend(_letters(batch, twice, second_slot))
        # Acknowledgements are timed by the broker, so nothing earlier is to come.
        self.watermark_us = batch.high_stamp_us
        self._drop_retired(batch.high_stamp_us)

    def advance(self, now_us: int) -> None:
        """The partition was read past `now_us` of ingest time: what is due has fallen silent."""
        for release_id in self._tables:
            self._expire(release_id, now_us)

    @property
    def due_us(self) -> int | None:
        """Ingest time past which the next attempt falls silent; None: none is open."""
        due = (
            (table.due_us, self._retired_us(release_id))
            for release_id, (_, table) in self._tables.items()
        )
        silent = (at for at, last in due if at is not None and (last is None or at < last))
        return min(silent, default=None)

    def refused(self) -> list[Refused]:
        """Acknowledgements refused since the last call."""
        due, self._refused = self._refused, []
        return due

    def snapshot(self) -> bytes:
        """State: the columns as they are, the rest as JSON."""
        blobs = Blobs()
        tables = [
            [release_id, strata, blobs.put_all(table.packed())]
            for release_id, (strata, table) in sorted(self._tables.items())
        ]
        state = {"tables": tables, "cells": self.cells.state(), "watermark_us": self.watermark_us}
        return blobs.pack(state)

    def _restore(self, reading: Reading) -> None:
        for release_id, strata, places in reading.value["tables"]:
            table = Attempts.unpacked(reading.get_all(places), len(strata), self._timeouts)
            self._tables[release_id] = (tuple(strata), table)
        self.cells = Cells.from_state(reading.value["cells"])
        self.watermark_us = reading.value["watermark_us"]

    def _merge(self, release: ModelRelease, rows: pa.RecordBatch, stamps_us: Stamps) -> Rows:
        """Join acknowledgements about a release; the places of those that cannot be."""
        strata, table = self._tables.setdefault(
            release.release_id,
            (release.strata, Attempts(len(release.strata), self._timeouts)),
        )
        refused = table.merge(acks_of(rows, release, self._attempts, stamps_us))
        self._publish(release.release_id, strata, table)
        return refused

    def _expire(self, release_id: str, now_us: int) -> None:
        """Count who has fallen silent by now; once a release is history nobody does any more."""
        strata, table = self._tables[release_id]
        retired_us, due_us = self._retired_us(release_id), table.due_us
        until_us = now_us if retired_us is None else min(now_us, retired_us)
        if due_us is not None and due_us < until_us:
            table.expire(until_us)
            self._publish(release_id, strata, table)

    def _drop_retired(self, read_us: int) -> None:
        """Forget the devices of what is history; its counts stay.

        Not by `advance`: only of a batch it is sure that the decisions beside it were read.
        """
        for release_id in list(self._tables):
            retired_us = self._retired_us(release_id)
            if retired_us is not None and retired_us <= read_us:
                self._expire(release_id, read_us)
                del self._tables[release_id]

    def _publish(self, release_id: str, strata: tuple[str, ...], table: Attempts) -> None:
        for number, stratum in enumerate(strata):
            self.cells.put((release_id, stratum), table.counts(number)._asdict())


def _letters(batch: LogBatch, places: Rows, why: Why) -> Iterator[Refused]:
    for index in places.tolist():
        row = batch.rows.slice(index, 1).to_pylist()[0]
        stamp = int(batch.stamps_us[index])
        yield Refused(int(batch.offsets[index]), stamp, *why(row, stamp), row)
