"""Stage two of the watch: the fold of the partition of slo-partials that all of it goes to."""

import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from schemas.records import AlertKind, PartialKind, Severity, SloPartial
from streams.heard_clock import HeardClock
from streams.processor import LogBatch
from streams.slo import partials
from streams.watch import cells, quality
from streams.watch.episodes import Episodes, Name
from streams.watch.listening import CANARY, FLEET
from streams.watch.quality import MINUTE_US
from streams.watch.rules import CANARY_MISSING, PIPELINE_STALLED, Rule, rules
from streams.watch.signals import Found, Signal
from streams.watch.watch_file import WatchPolicy


class WatchFold:
    """Judges what stage one, the SLO's stage one and the canary's process tell.

    Time is the ingest time through which every partition of stage one has judged; one that was
    not heard for as long as the policy allows is left out. For the first three seconds nothing is
    known, so that every partition has had its turn.

    Args:
        policy: The thresholds.
        generation: Of stage one; counts of another one are passed over.

    Attributes:
        episodes: What is known of each alert.
        replaying: It was built from the log's beginning and has not caught up with where its
            reader started: what it finds is history, not news.
        started_us: Wall clock at which the first reader of this state started; 0: not yet. One
            that dies before it has caught up must not make history of what came since.
    """

    def __init__(self, policy: WatchPolicy, generation: str) -> None:
        self._rules = rules(policy)
        self._unheard_us = policy.pipeline.unheard
        self._generation = generation
        self._clock = HeardClock()
        self._through: dict[int, int] = {}
        self._canaries: dict[str, int] = {}
        self._signals = {
            cells.SILENCE: Signal(0),
            quality.CLOCK: Signal(MINUTE_US),
            quality.COUNTS: Signal(MINUTE_US),
            cells.LAG: Signal(0),
        }
        self.episodes = Episodes()
        self.replaying = True
        self.started_us = 0

    @property
    def ingest_us(self) -> int:
        """Ingest time through which all was judged; 0: not known."""
        told = {f"watch/{partition}": at for partition, at in self._through.items()}
        return self._clock.heard_through(told, self._unheard_us)

    def apply(self, batch: LogBatch) -> None:
        """Take the next stretch of the partition; cells of SLOs are none of its business."""
        rows = batch.rows
        told = pc.or_(
            pc.is_in(rows.column("generation"), pa.array([self._generation, cells.PROBE])),
            pc.equal(rows.column("kind").cast(pa.string()), PartialKind.PROGRESS.value),
        )
        stamps = batch.stamps_us[told.to_numpy(zero_copy_only=False)].tolist()
        for record, stamp in zip(partials.from_rows(rows.filter(told)), stamps, strict=True):
            self.observe(record, stamp)

    def observe(self, record: SloPartial, stamp_us: int) -> None:
        """Take the next record in log order."""
        if record.generation == cells.PROBE:
            self._signals[cells.LAG].put(record)
            self._judge_signal(cells.LAG, record.bucket_start or 0)
        elif record.generation != self._generation:
            self._clock.hear(f"slo/{record.source_partition}")
        elif record.kind is PartialKind.PROGRESS:
            self._clock.move(stamp_us)
            self._progress(record)
        elif record.slo == cells.HEARD:
            self._heard(record)
        elif record.slo in self._signals:
            self._signals[record.slo].put(record)

    def caught_up(self, now_us: int) -> bool:
        """Whether what it finds is news; what it found of the time before is dropped."""
        self.started_us = self.started_us or now_us
        if self.replaying:
            self.episodes.forget_before(self.started_us)
            self.replaying = self.ingest_us < self.started_us
        return not self.replaying

    def snapshot(self) -> bytes:
        """State as JSON."""
        state = {
            "replaying": self.replaying,
            "started_us": self.started_us,
            "clock": self._clock.state(),
            "through": list(self._through.items()),
            "canaries": self._canaries,
            "signals": {name: signal.state() for name, signal in self._signals.items()},
            "episodes": self.episodes.state(),
        }
        return json.dumps(state, separators=(",", ":")).encode()

    def restore(self, snapshot: bytes) -> None:
        """Take the state of `snapshot()`."""
        state: dict[str, Any] = json.loads(snapshot)
        self.replaying = state["replaying"]
        self.started_us = state["started_us"]
        self._clock.load(state["clock"])
        self._through = dict(state["through"])
        self._canaries = state["canaries"]
        for name, held in state["signals"].items():
            self._signals[name].load(held)
        self.episodes.load(state["episodes"])

    def _progress(self, record: SloPartial) -> None:
        partition = record.source_partition
        self._clock.hear(f"watch/{partition}")
        self._through[partition] = max(record.ingest_ts, self._through.get(partition, 0))
        now_us = self.ingest_us
        if now_us:
            for signal in (cells.SILENCE, quality.CLOCK, quality.COUNTS):
                self._judge_signal(signal, now_us)
            self._judge_stalls()

    def _heard(self, record: SloPartial) -> None:
        name = f"{record.key['who']}/{record.source_partition}"
        if record.ingest_ts > self._canaries.get(name, 0):
            self._canaries[name] = record.ingest_ts
            self._clock.hear(name)

    def _judge_signal(self, signal: str, now_us: int) -> None:
        for moment_us, sums in self._signals[signal].due(now_us):
            for rule in self._rules:
                if rule.signal == signal:
                    self._judge_rule(rule, moment_us, dict(sums))

    def _judge_rule(self, rule: Rule, moment_us: int, sums: dict[Any, Found]) -> None:
        if rule.absent_ends:
            for name in self.episodes.names(rule.alertname, rule.severity):
                sums.setdefault(name.labels, Found())
        for labels, found in sums.items():
            self.episodes.judge(
                Name(rule.alertname, rule.severity, labels),
                rule.kind,
                moment_us,
                found,
                holds=rule.exceeded(found.bad, found.total),
                for_us=rule.for_us,
                gap_us=rule.gap_us,
            )

    def _judge_stalls(self) -> None:
        for alertname, severity, stage, stalled in self._stalls():
            found = Found(len(self._through), len(stalled))
            self.episodes.judge(
                Name(alertname, severity, (("stage", stage),)),
                AlertKind.PIPELINE,
                self._clock.stamp_us,
                found,
                holds=bool(stalled),
            )

    def _stalls(self) -> Iterator[tuple[str, Severity, str, set[int]]]:
        unheard = {
            who: {
                partition
                for partition in self._through
                if self._clock.unheard_us(f"{who}/{partition}") > self._unheard_us
            }
            for who in ("watch", "slo", CANARY, FLEET)
        }
        lost = unheard[CANARY] & unheard[FLEET]
        yield PIPELINE_STALLED, Severity.PAGE, "ingest", lost
        yield PIPELINE_STALLED, Severity.PAGE, "slo", unheard["slo"]
        yield PIPELINE_STALLED, Severity.PAGE, "watch", unheard["watch"]
        yield CANARY_MISSING, Severity.TICKET, "canary", unheard[CANARY] - lost
