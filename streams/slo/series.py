"""All that stage two knows of one key of one SLO: its cells, windows, evidence and states."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from schemas.records import AlertExemplar, LatencyHistogram, Severity, SloPartial
from streams.slo.objectives import Slo
from streams.slo.partials import histogram
from streams.slo.windows import Sum, WindowSums

BUDGET_SLOTS: Final = 720


@dataclass(slots=True)
class Phase:
    """Where one severity stands. Ticks are ends of buckets, in buckets of event time.

    Attributes:
        since: Tick at which the condition became true; None: inactive.
        false_since: While firing, the tick from which on the condition was false.
    """

    since: int | None = None
    false_since: int | None = None


@dataclass(slots=True)
class _Cell:
    """The newest version of one (source partition, bucket)."""

    version: tuple[int, int]
    total: int
    bad: int


class Series:
    """Running counts of one key.

    Args:
        slo: What it counts for.
        labels: The key.
    """

    def __init__(self, slo: Slo, labels: Mapping[str, str]) -> None:
        self.labels = dict(labels)
        lengths = {n // slo.bucket_us for tier in slo.tiers for n in (tier.long_us, tier.short_us)}
        self.windows = WindowSums(lengths)
        self.phases = {severity: Phase() for severity in slo.severities}
        self.floor = 0
        self._shortest = min(lengths)
        self._cells: dict[tuple[int, int], _Cell] = {}
        self._evidence: dict[
            tuple[int, int], tuple[LatencyHistogram | None, tuple[AlertExemplar, ...]]
        ] = {}
        self._slot_buckets = max(1, slo.period_us // BUDGET_SLOTS // slo.bucket_us)
        self._period = slo.period_us // slo.bucket_us
        self._slots: dict[int, Sum] = {}

    def put(self, bucket: int, record: SloPartial) -> int:
        """Take a cell; one that is not newer than the known version changes nothing.

        Returns:
            Events that it adds.
        """
        name = (bucket, record.source_partition)
        version = (record.last_offset, record.ingest_ts)
        held = self._cells.get(name)
        if held is not None and held.version >= version:
            return 0
        total = record.total - (held.total if held else 0)
        bad = record.bad - (held.bad if held else 0)
        self._cells[name] = _Cell(version, record.total, record.bad)
        slot = self._slots.setdefault(bucket // self._slot_buckets, Sum())
        slot.total += total
        slot.bad += bad
        if bucket >= self.floor:
            self.windows.add(bucket, total, bad)
            self._evidence[name] = (record.latency, record.exemplars)
        return total

    def withdraw(self, floor: int) -> None:
        """Let nothing before a bucket count any more."""
        self.floor = floor
        self.windows.forget_before(floor)
        self._evidence = {at: held for at, held in self._evidence.items() if at[0] >= floor}

    def forget(self, tick: int, marks: Mapping[int, int], horizon: int) -> None:
        """Drop what no later tick and no later version of a cell can use."""
        first = tick - self._shortest
        self._evidence = {at: held for at, held in self._evidence.items() if at[0] >= first}
        self._cells = {
            at: cell
            for at, cell in self._cells.items()
            if at[0] + 1 > marks.get(at[1], 0) - horizon
        }
        oldest = (tick - self._period) // self._slot_buckets
        self._slots = {at: held for at, held in self._slots.items() if at >= oldest}

    @property
    def idle(self) -> bool:
        """Nothing is left that could change an alert."""
        firing = any(phase.since is not None for phase in self.phases.values())
        return not (firing or self._cells or self.windows)

    @property
    def judged(self) -> bool:
        """Events came within the shortest window: only then can a condition be seen to be false."""
        return self.windows.sum(self._shortest).total > 0

    def budget(self) -> Sum:
        """Counts over the budget period, exact to 1/720 of it, from what is kept of this key."""
        held = self._slots.values()
        return Sum(sum(slot.total for slot in held), sum(slot.bad for slot in held))

    def evidence(self, tick: int) -> tuple[list[LatencyHistogram], list[AlertExemplar]]:
        """Histograms and exemplars of the shortest window."""
        inside = [
            held
            for (bucket, _), held in sorted(self._evidence.items(), key=lambda item: item[0])
            if tick - self._shortest <= bucket < tick
        ]
        latencies = [latency for latency, _ in inside if latency is not None]
        return latencies, [one for _, exemplars in inside for one in exemplars]

    def state(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {
            "labels": self.labels,
            "floor": self.floor,
            "windows": self.windows.state(),
            "phases": {name: [at.since, at.false_since] for name, at in self.phases.items()},
            "cells": [
                [*name, *cell.version, cell.total, cell.bad] for name, cell in self._cells.items()
            ],
            "evidence": [
                [*name, None if latency is None else asdict(latency), [asdict(e) for e in found]]
                for name, (latency, found) in self._evidence.items()
            ],
            "slots": [[at, held.total, held.bad] for at, held in self._slots.items()],
        }

    def load(self, state: Mapping[str, Any], tick: int | None) -> None:
        """Take the values of `state()`."""
        self.floor = state["floor"]
        self.windows.load(state["windows"], tick)
        self.phases = {Severity(name): Phase(*at) for name, at in state["phases"].items()}
        for bucket, partition, offset, ingest, total, bad in state["cells"]:
            self._cells[bucket, partition] = _Cell((offset, ingest), total, bad)
        for bucket, partition, latency, exemplars in state["evidence"]:
            self._evidence[bucket, partition] = (
                None if latency is None else histogram(latency),
                tuple(AlertExemplar(**one) for one in exemplars),
            )
        self._slots = {at: Sum(total, bad) for at, total, bad in state["slots"]}
