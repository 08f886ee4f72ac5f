"""Stage one over ota-acks: which devices accepted, committed, failed, fell silent or went back."""

import json
from collections import deque
from typing import Any, Final, NamedTuple

from streams.processor import LogBatch
from streams.rollout.attempts import Ack, Attempts
from streams.rollout.cells import CellKey, Cells
from streams.rollout.policy import Policy
from streams.rollout.proposals import Proposals, objection

_COLUMNS: Final = (
    "device_id",
    "hardware",
    "release_id",
    "attempt",
    "state",
    "reason_code",
    "model_digest",
)


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
        policy: Its commit timeout.
        proposals: Every release proposed so far, at least up to the newest record of the batch.
        snapshot: State to go on from.
    """

    def __init__(self, policy: Policy, proposals: Proposals, snapshot: bytes | None = None) -> None:
        self._timeout_us = round(policy.commit_timeout_s * 1e6)
        self._proposals = proposals
        self._tables: dict[CellKey, Attempts] = {}
        self._pending: deque[tuple[int, CellKey, str]] = deque()
        self._refused: list[Refused] = []
        self.cells = Cells()
        self.watermark_us = 0
        if snapshot is not None:
            self._restore(json.loads(snapshot))

    def apply(self, batch: LogBatch) -> None:
        """Include the next stretch of the partition."""
        columns = [batch.rows.column(name).to_pylist() for name in _COLUMNS]
        places = zip(batch.offsets.tolist(), batch.stamps_us.tolist(), strict=True)
        for index, ((offset, stamp), row) in enumerate(
            zip(places, zip(*columns, strict=True), strict=True)
        ):
            self._include(batch, index, offset, stamp, row)
        # Acknowledgements are timed by the broker, so nothing earlier is to come.
        self.watermark_us = batch.high_stamp_us

    def advance(self, now_us: int) -> None:
        """The partition was read past `now_us` of ingest time: what is due has fallen silent."""
        while (due_us := self.due_us) is not None and due_us < now_us:
            accepted_us, key, device_id = self._pending.popleft()
            table = self._tables[key]
            before = table.counts
            table.expire(device_id, accepted_us)
            if table.counts != before:
                self._publish(key, table)

    @property
    def due_us(self) -> int | None:
        """Ingest time past which the next attempt falls silent; None: none is open."""
        return self._pending[0][0] + self._timeout_us if self._pending else None

    def refused(self) -> list[Refused]:
        """Acknowledgements refused since the last call."""
        due, self._refused = self._refused, []
        return due

    def snapshot(self) -> bytes:
        """State as JSON."""
        return json.dumps(
            {
                "tables": [[*key, table.state()] for key, table in sorted(self._tables.items())],
                "cells": self.cells.state(),
                "watermark_us": self.watermark_us,
            }
        ).encode()

    def _restore(self, state: dict[str, Any]) -> None:
        for release_id, stratum, table in state["tables"]:
            self._tables[release_id, stratum] = Attempts.from_state(table)
        self._pending = deque(
            sorted(
                (accepted_us, key, device_id)
                for key, table in self._tables.items()
                for accepted_us, device_id in table.undecided()
            )
        )
        self.cells = Cells.from_state(state["cells"])
        self.watermark_us = state["watermark_us"]

    def _include(
        self, batch: LogBatch, index: int, offset: int, stamp: int, row: tuple[Any, ...]
    ) -> None:
        device_id, hardware, release_id, attempt, state, reason, digest = row
        known = self._proposals(release_id)
        wrong = objection(known, release_id, hardware, stamp)
        if known is None or wrong is not None:
            told = batch.rows.slice(index, 1).to_pylist()[0]
            self._refused.append(Refused(offset, stamp, *(wrong or ("", "")), told))
            return
        artifact = known.record.artifact
        runs = artifact is not None and digest == artifact.digest
        key = (release_id, hardware)
        table = self._tables.get(key)
        if table is None:
            table = self._tables[key] = Attempts()
        before = table.counts
        ack = Ack(device_id, attempt, state, reason, runs, stamp)
        began = table.merge(ack, self._timeout_us)
        if began is not None:
            self._pending.append((began, key, device_id))
        if table.counts != before:
            self._publish(key, table)

    def _publish(self, key: CellKey, table: Attempts) -> None:
        cell = self.cells.touch(key)
        for name, value in table.counts._asdict().items():
            setattr(cell, name, value)
