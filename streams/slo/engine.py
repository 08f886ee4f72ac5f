"""The burn-rate engine of one SLO: cells in, transitions out, at every bucket's end in turn."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from schemas.records import AlertState, Severity, SloPartial
from streams.slo import transitions
from streams.slo.cells import HORIZON_US
from streams.slo.objectives import Slo
from streams.slo.series import Phase, Series
from streams.slo.transitions import Transition

FORGET_EVERY_TICKS: Final = 16
BURNING: Final = "burn_rate_above_factor"
RECOVERED: Final = "burn_rate_below_factor"
WITHDRAWN: Final = "release_withdrawn"

Key = tuple[str, ...]
Withdrawal = tuple[str, str | None]


class Engine:
    """Decides for all keys of one SLO. Pure: time is the watermark that `advance` is given.

    Every tick between two watermarks is judged, so that the transitions do not depend on how
    often or how late time is told. Without data nothing changes: a firing alert goes on firing,
    since no data is not good data.
    """

    def __init__(self, slo: Slo) -> None:
        self.slo = slo
        self.tick: int | None = None
        self.ingest_us = 0
        self.late_events = 0
        self.too_old = 0
        self._series: dict[Key, Series] = {}
        self._marks: dict[int, int] = {}
        self._withdrawn: dict[Withdrawal, int] = {}
        self._shortest = {
            severity: max(tier.short_us for tier in slo.tiers_of(severity)) // slo.bucket_us
            for severity in slo.severities
        }

    @property
    def at_us(self) -> int:
        """Event time up to which everything is judged, UTC microseconds."""
        return (self.tick or 0) * self.slo.bucket_us

    def observe(self, record: SloPartial) -> None:
        """Take a cell; older versions of it and cells beyond the horizon change nothing."""
        bucket = (record.bucket_start or 0) // self.slo.bucket_us
        mark = record.watermark // self.slo.bucket_us
        known = max(mark, self._marks.get(record.source_partition, 0))
        self._marks[record.source_partition] = known
        if bucket + 1 <= known - self._horizon:
            self.too_old += record.total
            return
        added = self._of(record.key).put(bucket, record)
        if self.tick is not None and bucket < self.tick:
            self.late_events += added

    def advance(self, watermark_us: int, ingest_us: int) -> list[Transition]:
        """Judge every tick that the watermark has passed.

        Args:
            watermark_us: No earlier event time is expected, UTC microseconds.
            ingest_us: Ingest time up to which the sources were read.
        """
        # A window ends with its last microsecond included: it is complete once that is past.
        target = (watermark_us - 1) // self.slo.bucket_us
        self.ingest_us = max(self.ingest_us, ingest_us)
        found: list[Transition] = []
        while (tick := self._next(target)) is not None:
            self.tick = tick
            for series in self._series.values():
                series.windows.move(tick)
            for series in self._series.values():
                found += self._judge(series, ingest_us)
            if tick % FORGET_EVERY_TICKS == 0:
                self._forget(tick)
        return found

    def withdraw(
        self, release: str, hardware: str | None, at_us: int, ingest_us: int
    ) -> list[Transition]:
        """Let nothing that a withdrawn release did before `at_us` count; None: any hardware."""
        if self._withdrawn.get((release, hardware), 0) >= at_us:
            return []
        self._withdrawn[release, hardware] = at_us
        found: list[Transition] = []
        for series in self._series.values():
            floor = self._floor(series.labels)
            if floor > series.floor:
                found += self._cleared(series, floor, ingest_us)
        return found

    def burning(self) -> Iterator[tuple[Series, Severity, Phase]]:
        """Every key and severity with where it stands."""
        for series in self._series.values():
            for severity, phase in series.phases.items():
                yield series, severity, phase

    def withdrawn_at(self, labels: Mapping[str, str]) -> int:
        """When the release of these labels was withdrawn from their hardware; 0: never."""
        release = labels.get("release_id")
        if release is None:
            return 0
        anywhere = self._withdrawn.get((release, None), 0)
        return max(anywhere, self._withdrawn.get((release, labels.get("hardware")), 0))

    def state(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {
            "tick": self.tick,
            "ingest_us": self.ingest_us,
            "late_events": self.late_events,
            "too_old": self.too_old,
            "marks": list(self._marks.items()),
            "withdrawn": [[*name, at] for name, at in self._withdrawn.items()],
            "series": [series.state() for series in self._series.values()],
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take the values of `state()`."""
        self.tick = state["tick"]
        self.ingest_us = state["ingest_us"]
        self.late_events = state["late_events"]
        self.too_old = state["too_old"]
        self._marks = dict(state["marks"])
        self._withdrawn = {(release, where): at for release, where, at in state["withdrawn"]}
        for held in state["series"]:
            series = Series(self.slo, held["labels"])
            series.load(held, self.tick)
            self._series[self._key(held["labels"])] = series

    def transition(
        self, series: Series, severity: Severity, state: AlertState, reason: str, ingest_us: int
    ) -> Transition:
        """What there is to say of a key now. `phases` must still hold the episode."""
        tick, phase = self.tick or 0, series.phases[severity]
        size = self.slo.bucket_us
        since = tick if phase.since is None else phase.since
        ended = tick if phase.false_since is None else phase.false_since
        tiers = transitions.readings(self.slo, severity, series)
        return Transition(
            labels=series.labels,
            severity=severity,
            state=state,
            reason=reason,
            at_us=tick * size,
            starts_us=since * size,
            ends_us=None if state is AlertState.FIRING else ended * size,
            ingest_us=ingest_us,
            tiers=tiers,
            budget=transitions.budget(self.slo, series, tiers),
            latency=transitions.latency(self.slo, series, tick),
            suspects=transitions.suspects(self.slo, severity, series, self._series.values()),
            exemplars=transitions.exemplars(series, tick),
            late_events=self.late_events,
        )

    @property
    def _horizon(self) -> int:
        return HORIZON_US // self.slo.bucket_us

    def _key(self, labels: Mapping[str, str]) -> Key:
        return tuple(labels[name] for name in self.slo.group_by)

    def _floor(self, labels: Mapping[str, str]) -> int:
        return -(-self.withdrawn_at(labels) // self.slo.bucket_us)

    def _of(self, labels: Mapping[str, str]) -> Series:
        key = self._key(labels)
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = Series(self.slo, labels)
            series.withdraw(self._floor(labels))
            if self.tick is not None:
                series.windows.move(self.tick)
        return series

    def _next(self, target: int) -> int | None:
        """The next tick at which anything can change, up to `target`; None: there is none."""
        if self.tick is None:
            oldest = [at for s in self._series.values() if (at := s.windows.oldest) is not None]
            return min([target, *oldest]) if self._series else None
        if self.tick >= target:
            return None
        busy = max(self._shortest.values())
        newest = [at for s in self._series.values() if (at := s.windows.newest) is not None]
        if any(self.tick <= at + busy for at in newest):
            return self.tick + 1
        ahead = [
            at for s in self._series.values() if (at := s.windows.first_from(self.tick)) is not None
        ]
        return min([target, *(at + 1 for at in ahead)])

    def _judge(self, series: Series, ingest_us: int) -> Iterator[Transition]:
        for severity, phase in series.phases.items():
            burning = any(
                transitions.active(self.slo, tier, series) for tier in self.slo.tiers_of(severity)
            )
            if burning:
                phase.false_since = None
                if phase.since is None:
                    phase.since = self.tick
                    yield self.transition(series, severity, AlertState.FIRING, BURNING, ingest_us)
            elif phase.since is not None and series.judged:
                yield from self._held(series, severity, phase, ingest_us)

    def _held(
        self, series: Series, severity: Severity, phase: Phase, ingest_us: int
    ) -> Iterator[Transition]:
        tick = self.tick or 0
        if phase.false_since is None:
            phase.false_since = tick
        if (tick - phase.false_since) * self.slo.bucket_us < self.slo.keep_firing_us[severity]:
            return
        yield self.transition(series, severity, AlertState.RESOLVED, RECOVERED, ingest_us)
        phase.since = phase.false_since = None

    def _cleared(self, series: Series, floor: int, ingest_us: int) -> Iterator[Transition]:
        for severity, phase in series.phases.items():
            if phase.since is not None:
                yield self.transition(series, severity, AlertState.RESOLVED, WITHDRAWN, ingest_us)
                phase.since = phase.false_since = None
        series.withdraw(floor)

    def _forget(self, tick: int) -> None:
        for key, series in list(self._series.items()):
            series.forget(tick, self._marks, self._horizon)
            if series.idle:
                del self._series[key]
