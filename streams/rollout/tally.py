"""Stage two's fold of rollout-partials: sums over source partitions, time, and peak evidence."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final, NamedTuple

from schemas.records import Arm, PartialKind, RolloutPartial
from schemas.topics import DISENGAGEMENTS, EDGE_CASES, INFERENCE_EVENTS, OTA_ACKS
from streams.processor import LogBatch, Source
from streams.rollout.arm_tally import ArmTally
from streams.rollout.calendar_windows import Calendar
from streams.rollout.cells import CellKey
from streams.rollout.evidence import Counts, log_e_harm, log_e_safe
from streams.rollout.partials import MILLIMETRES
from streams.rollout.policy import Policy
from streams.rollout.shadow_tally import ShadowCell, ShadowTally
from streams.rollout.sight import Sight
from streams.rollout.window_tally import WindowTally

SOURCES: Final = (OTA_ACKS, INFERENCE_EVENTS, DISENGAGEMENTS, EDGE_CASES)
MAX_CELLS: Final = 100_000
_PLACED: Final = (
    "kind",
    "generation",
    "source_topic",
    "source_partition",
    "last_offset",
    "ingest_ts",
    "release_id",
    "stratum",
    "arm",
    "window_start",
    "exposure_m",
    "events",
)
_COUNTED: Final = (
    "accepted",
    "committed",
    "failed",
    "silent",
    "critical",
    "rolled_back",
    "offered",
    "deferred",
)
_EXPOSURE: Final = _PLACED.index("exposure_m")
_SHADOWED: Final = ("shadow_devices", "shadow_failed", "shadow_slices")
_FIELDS: Final = (*_PLACED, *_COUNTED, *_SHADOWED)
_fields = attrgetter(*_FIELDS)


class TallyLimitError(RuntimeError):
    """More cells than stage two may keep; the message names the limit."""


class Sums(NamedTuple):
    """Devices of one release and stratum by one source topic, over all its partitions.

    `driven_mm` is the distance that the topic tells of, in whole millimetres: any order of adding
    them up gives the same.
    """

    accepted: int = 0
    committed: int = 0
    failed: int = 0
    silent: int = 0
    critical: int = 0
    rolled_back: int = 0
    offered: int = 0
    deferred: int = 0
    driven_mm: int = 0

    @property
    def counts(self) -> Counts:
        """Devices under test with the least and the most that can have failed."""
        return Counts(self.accepted, self.failed + self.silent, self.accepted - self.committed)

    @property
    def decided(self) -> int:
        """Devices whose outcome is known."""
        return self.committed + self.failed + self.silent

    @property
    def may_run_it(self) -> int:
        """Devices that accepted and are not known to be on another model; silent ones count."""
        return self.accepted - self.failed - self.rolled_back


class Peak(NamedTuple):
    """Highest log e-values so far of one test: evidence that has crossed stays crossed."""

    harm: float = -math.inf
    safe: float = -math.inf


class _Line(NamedTuple):
    kind: str
    generation: str
    topic: str
    partition: int
    last_offset: int
    ingest_ts: int
    release_id: str
    stratum: str
    arm: str
    window_start: int | None
    exposure_m: float
    events: int
    sums: Sums
    shadow: tuple[int, int, Sequence[Any]]


def _line(row: Sequence[Any]) -> _Line:
    placed, counted = len(_PLACED), len(_PLACED) + len(_COUNTED)
    driven_mm = round(row[_EXPOSURE] * MILLIMETRES)
    sums, (devices, failed, slices) = Sums._make((*row[placed:counted], driven_mm)), row[counted:]
    return _Line._make((*row[:placed], sums, (devices, failed, slices)))


class Tally:
    """Folds one partition of rollout-partials: a function of that log and the policy.

    Of each cell the highest (last_offset, ingest time) counts.

    Args:
        policy: Its ceilings, and its calendar.
        sources: Partitions that must be heard before there is a time.
        generations: The one generation of each source topic that counts.
        snapshot: State to go on from.

    Attributes:
        windows: Distances in millimetres and events, by calendar window.
        arms: Devices heard of since a wave was opened.
        sight: How far the sources keep up, and who reports.
        shadows: Devices and encounters of releases that run beside the live model.
    """

    def __init__(
        self,
        policy: Policy,
        sources: Iterable[Source],
        generations: Mapping[str, str],
        snapshot: bytes | None = None,
    ) -> None:
        self._ceilings = policy.ceilings
        self._sources = frozenset(sources)
        self._generations = generations
        self._progress: dict[Source, int] = {}
        self._cells: dict[tuple[Source, CellKey], tuple[int, int, Sums]] = {}
        self._sums: dict[tuple[str, CellKey], Sums] = {}
        self._peaks: dict[tuple[str, CellKey], Peak] = {}
        self.windows = WindowTally(Calendar.of(policy))
        self.arms = ArmTally()
        self.sight = Sight(self._sources)
        self.shadows = ShadowTally(policy)
        self.last_offset = -1
        if snapshot is not None:
            self._restore(json.loads(snapshot))

    @property
    def now_us(self) -> int | None:
        """Ingest time up to which every source partition has been counted; None: not all heard."""
        if not self._sources <= self._progress.keys():
            return None
        return min(self._progress.values())

    @property
    def heard_us(self) -> int:
        """The same over the partitions heard so far; 0: none."""
        return min(self._progress.values(), default=0)

    def apply(self, batch: LogBatch) -> None:
        """Include the next stretch of the partition."""
        columns = [batch.rows.column(name).to_pylist() for name in _FIELDS]
        for row in zip(*columns, strict=True):
            self._include(_line(row))
        self.last_offset = batch.last_offset

    def include(self, record: RolloutPartial, offset: int) -> None:
        """Include one record."""
        self._include(_line(_fields(record)))
        self.last_offset = offset

    def sums(self, topic: str, release_id: str, stratum: str) -> Sums:
        """Devices of a release and stratum as one source topic tells of them."""
        return self._sums.get((topic, (release_id, stratum)), Sums())

    def peak(self, topic: str, release_id: str, stratum: str) -> Peak:
        """Highest evidence so far; that of no device when none was heard of."""
        return self._peaks.get((topic, (release_id, stratum)), Peak())

    def snapshot(self) -> bytes:
        """State as JSON."""
        return json.dumps(
            {
                "progress": [[*source, at] for source, at in self._progress.items()],
                "cells": [[*source, *key, *cell] for (source, key), cell in self._cells.items()],
                "peaks": [[topic, *key, *peak] for (topic, key), peak in self._peaks.items()],
                "windows": self.windows.state(),
                "arms": self.arms.state(),
                "sight": self.sight.state(),
                "shadows": self.shadows.state(),
                "last_offset": self.last_offset,
            }
        ).encode()

    def _restore(self, state: dict[str, Any]) -> None:
        self._progress = {(topic, partition): at for topic, partition, at in state["progress"]}
        for topic, partition, release_id, stratum, offset, ingest, sums in state["cells"]:
            key = (release_id, stratum)
            self._cells[(topic, partition), key] = (offset, ingest, Sums(*sums))
            self._add(topic, key, Sums(), Sums(*sums))
        for topic, release_id, stratum, harm, safe in state["peaks"]:
            self._peaks[topic, (release_id, stratum)] = Peak(harm, safe)
        self.windows.restore(state["windows"])
        self.arms.restore(state["arms"])
        self.sight.restore(state["sight"])
        self.shadows.restore(state["shadows"])
        self.last_offset = state["last_offset"]

    def _include(self, line: _Line) -> None:
        if line.generation != self._generations.get(line.topic):
            return
        source = (line.topic, line.partition)
        start = line.window_start
        if line.kind == PartialKind.PROGRESS:
            self._progress[source] = max(self._progress.get(source, 0), line.ingest_ts)
            self.sight.progress(source, line.ingest_ts)
            if (now_us := self.now_us) is not None:
                self.windows.settle(now_us)
        elif line.kind == PartialKind.CELL and start is None:
            key = (line.release_id, line.stratum)
            if line.topic == INFERENCE_EVENTS.name:
                self.sight.reported(key, line.ingest_ts)
            elif line.sums.committed:
                self.sight.committed(key, line.ingest_ts)
            self._replace(source, key, (line.last_offset, line.ingest_ts, line.sums))
            place = (line.last_offset, line.ingest_ts)
            self.shadows.include(source, key, ShadowCell.of(place, *line.shadow))
        elif line.kind == PartialKind.CELL and start is not None:
            self._place(source, line, start)

    def _place(self, source: Source, line: _Line, start: int) -> None:
        """Include what is counted from some moment on: a calendar window, or a wave's opening."""
        key, place = (line.release_id, line.stratum), (line.last_offset, line.ingest_ts)
        if line.arm == Arm.UNKNOWN:
            driven = line.topic == INFERENCE_EVENTS.name
            count = line.sums.driven_mm if driven else line.events
            self.windows.include(source, key, start, place, count, self.now_us)
        else:
            if self.arms.kept >= MAX_CELLS:
                raise TallyLimitError(
                    f"rollout: release {key[0]} in {key[1]} is one more than MAX_CELLS={MAX_CELLS} "
                    "counts of arms; give rollout-partials more partitions"
                )
            self.arms.include(source, key, start, line.arm, (*place, line.sums.offered))

    def _replace(self, source: Source, key: CellKey, cell: tuple[int, int, Sums]) -> None:
        known = self._cells.get((source, key))
        if known is None and len(self._cells) >= MAX_CELLS:
            raise TallyLimitError(
                f"rollout: release {key[0]} in {key[1]} is one more than MAX_CELLS={MAX_CELLS} "
                "cells of stage two; give rollout-partials more partitions"
            )
        if known is not None and known[:2] >= cell[:2]:
            return
        self._cells[source, key] = cell
        topic = source[0]
        self._add(topic, key, known[2] if known else Sums(), cell[2])
        ceiling = self._ceilings.get(topic)
        if ceiling is not None:
            counts, peak = self._sums[topic, key].counts, self._peaks.get((topic, key), Peak())
            self._peaks[topic, key] = Peak(
                max(peak.harm, log_e_harm(counts, ceiling)),
                max(peak.safe, log_e_safe(counts, ceiling)),
            )

    def _add(self, topic: str, key: CellKey, before: Sums, after: Sums) -> None:
        total = self._sums.get((topic, key), Sums())
        self._sums[topic, key] = Sums(
            *(was - old + new for was, old, new in zip(total, before, after, strict=True))
        )
