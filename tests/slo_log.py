"""A small log for tests of the SLO: stage one, slo-partials, stage two and alerts in memory."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from random import Random
from typing import Any, Final

import numpy as np
import pyarrow as pa

from schemas import histograms
from schemas.alert_log import AlertBook
from schemas.codec import Codec
from schemas.columns import ColumnDecoder
from schemas.decisions import ReleaseBook
from schemas.facts import Fact
from schemas.records import Alert, InferenceEvent, PartialKind, Severity, SloPartial
from schemas.registry import FileRegistry
from schemas.signing import Keyring
from schemas.topics import ALERTS, INFERENCE_EVENTS, SLO_PARTIALS
from streams.processor import LogBatch, Position, Standing
from streams.slo.agent import SloProcessor
from streams.slo.objectives import Slo, Tier
from tests import factories

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
START_US: Final = factories.STAMP_US // DAY * DAY
CODEC: Final = Codec(FileRegistry())
DECODER: Final = ColumnDecoder(FileRegistry())


def tier(
    long_us: int,
    short_us: int,
    share: str,
    *,
    objective: str = "0.99",
    period_us: int = 30 * DAY,
    severity: Severity = Severity.PAGE,
) -> Tier:
    """A tier as an SLO file makes it."""
    factor = Fraction(share) * period_us / long_us
    return Tier(
        severity=severity,
        long_us=long_us,
        short_us=short_us,
        factor=factor,
        limit=factor * (1 - Fraction(objective)),
    )


def slo(*tiers: Tier, **over: Any) -> Slo:
    """An SLO of one-second buckets; without tiers, one page of 20 s / 5 s above 20 % bad."""
    made = tiers or (tier(20 * SECOND, 5 * SECOND, "0.2", period_us=2_000 * SECOND),)
    fields: dict[str, Any] = {
        "name": "perception-latency",
        "service": "perception",
        "objective": Fraction("0.99"),
        "threshold_us": 50_000,
        "period_us": 2_000 * SECOND,
        "group_by": ("hardware", "release_id"),
        "min_bad": 3,
        "bucket_us": SECOND,
        "lateness_us": 2 * SECOND,
        "tiers": made,
        "keep_firing_us": {Severity.PAGE: 5 * SECOND, Severity.TICKET: 5 * SECOND},
        "runbook_url": "docs/runbooks/LatencySLOBurn.md",
    }
    return Slo(**(fields | over))


def window(
    device: str, number: int, end_us: int, *, late: int = 0, frames: int = 10, **over: Any
) -> InferenceEvent:
    """A reporting window of one second that ends at `end_us`, `late` of its frames at 80 ms."""
    latencies = [30_000] * (frames - late) + [80_000] * late
    slow = factories.exemplar(latency_us=80_000, inference_id=f"{device}/i{number}")
    fields: dict[str, Any] = {
        "event_id": f"{device}/1763769000/{number}",
        "device_id": device,
        "window_start": end_us - SECOND,
        "window_end": end_us,
        "expected": frames,
        "produced": frames,
        "late": late,
        "latency": histograms.from_ratios(latencies, 50_000),
        "exemplars": (slow,) if late else (),
    }
    return factories.inference_event(**(fields | over))


def rows(topic: str, records: Sequence[Any]) -> pa.RecordBatch:
    """Columns of records, by way of their bytes."""
    decoded = DECODER.decode(topic, [CODEC.encode(topic, one) for one in records])
    assert not decoded.refusals
    return decoded.rows


def batch(
    topic: str, partition: int, records: Sequence[Any], stamps_us: Sequence[int], first: int = 0
) -> LogBatch:
    """Records as one stretch of a partition from offset `first` on."""
    offsets = np.arange(first, first + len(records), dtype=np.int64)
    return LogBatch(
        topic=topic,
        partition=partition,
        rows=rows(topic, records),
        offsets=offsets,
        stamps_us=np.asarray(stamps_us, dtype=np.int64),
        last_offset=first + len(records) - 1,
        high_stamp_us=max(stamps_us),
    )


def cell(
    bucket_start: int, total: int, bad: int, *, offset: int = 0, partition: int = 0, **over: Any
) -> SloPartial:
    """A cell of one source partition, of key HW3 / release-1."""
    fields: dict[str, Any] = {
        "event_id": f"cell/{partition}/{bucket_start}/{offset}",
        "source": "simulated",
        "kind": PartialKind.CELL,
        "generation": "g1",
        "ingest_ts": bucket_start,
        "source_topic": INFERENCE_EVENTS.name,
        "source_partition": partition,
        "last_offset": offset,
        "watermark": bucket_start,
        "slo": "perception-latency",
        "key": {"hardware": "HW3", "release_id": "release-1"},
        "bucket_start": bucket_start,
        "total": total,
        "bad": bad,
        "latency": None,
        "exemplars": (),
    }
    return SloPartial(**(fields | over))


def progress(watermark: int, *, partition: int = 0, **over: Any) -> SloPartial:
    """How far a source partition is."""
    fields: dict[str, Any] = {
        "kind": PartialKind.PROGRESS,
        "event_id": f"progress/{partition}/{watermark}",
        "slo": "",
        "key": {},
        "ingest_ts": watermark,
        "watermark": watermark,
    }
    made = cell(0, 0, 0, partition=partition, **(fields | over))
    return replace(made, bucket_start=None)


@dataclass
class Loop:
    """Both stages on a log in memory: arrivals in, alert records out, restarts at will.

    Attributes:
        read_back: Whether the processor reads what it wrote on `alerts`.
    """

    slos: Sequence[Slo]
    keyring: Keyring = field(default_factory=lambda: Keyring({}))
    read_back: bool = True
    alerts: list[Alert] = field(default_factory=list)
    partials: dict[int, list[tuple[SloPartial, int]]] = field(default_factory=dict)
    now_us: int = START_US
    source_partitions: int = 2

    def __post_init__(self) -> None:
        self.sources: dict[int, list[tuple[InferenceEvent, int]]] = {
            at: [] for at in range(self.source_partitions)
        }
        self._applied = {(INFERENCE_EVENTS.name, at): -1 for at in self.sources}
        self._applied |= {(SLO_PARTIALS.name, at): -1 for at in range(SLO_PARTIALS.partitions)}
        self.partials = {at: [] for at in range(SLO_PARTIALS.partitions)}
        self._facts_read = 0
        self._facts: list[Fact] = []
        self._stored: tuple[dict[tuple[str, int], bytes], dict[tuple[str, int], int]] = ({}, {})
        self._start({})

    def checkpoint(self) -> None:
        """Store the state of all partitions with the offsets it includes."""
        states = {at: fold.snapshot() for at, fold in self._folds.items()}
        self._stored = (states, dict(self._applied))

    def restart(self, *, keep_state: bool = True) -> None:
        """A new process, from the last checkpoint or from the beginning of the log."""
        states, applied = self._stored if keep_state else ({}, {})
        self._applied = {at: applied.get(at, -1) for at in self._applied}
        self._start(states)

    def arrive(self, partition: int, records: Iterable[InferenceEvent]) -> None:
        """Records get their stamps."""
        self.sources[partition] += [(record, self.now_us) for record in records]

    def add_fact(self, topic: str, record: Any, stamp_us: int | None = None) -> None:
        """Append to a followed topic."""
        self._facts.append(
            Fact(
                topic=topic,
                partition=0,
                offset=len(self._facts),
                stamp_us=self.now_us if stamp_us is None else stamp_us,
                record=record,
            )
        )

    def pass_time(self, step_us: int, split: Random | None = None) -> None:
        """Let time pass, then read everything, emit, and read back until nothing is said."""
        self.now_us += step_us
        for partition in self.sources:
            self._read(INFERENCE_EVENTS.name, partition, self.sources[partition], split)
        self._emit()
        for partition, held in self.partials.items():
            self._read(SLO_PARTIALS.name, partition, held, split)
        while self._emit():
            continue

    def _start(self, states: Mapping[tuple[str, int], bytes]) -> None:
        self.processor = SloProcessor(self.slos, ReleaseBook(self.keyring))
        self._facts_read = 0
        self._catch_up()
        self.generations = {
            topic.name: self.processor.generation(topic, f"id-{topic.name}")
            for topic in self.processor.batched
        }
        self._folds = {at: self.processor.fold(*at, states.get(at)) for at in self._applied}

    def _read(
        self, topic: str, partition: int, held: Sequence[tuple[Any, int]], split: Random | None
    ) -> None:
        self._catch_up()
        while (first := self._applied[topic, partition] + 1) < len(held):
            size = len(held) if split is None else split.randint(1, 7)
            part = held[first : first + size]
            records, stamps = zip(*part, strict=True)
            made = batch(topic, partition, records, stamps, first)
            self._folds[topic, partition].apply(made)
            self._applied[topic, partition] = made.last_offset

    def _emit(self) -> int:
        standing = Standing(
            now_us=self.now_us,
            partitions={at: self._position(*at) for at in self._applied},
        )
        said = 0
        for outgoing in self.processor.emit(standing):
            if outgoing.topic is ALERTS:
                said += self.read_back
                self.alerts.append(outgoing.record)
                self.add_fact(ALERTS.name, outgoing.record)
            else:
                at = 0 if outgoing.partition is None else outgoing.partition
                self.partials[at].append((outgoing.record, self.now_us))
        if self.read_back:
            self._catch_up()
        return said

    def _catch_up(self) -> None:
        facts = self._facts[self._facts_read :]
        if not self.read_back:
            facts = [fact for fact in facts if fact.topic != ALERTS.name]
        self._facts_read = len(self._facts)
        self.processor.observe(facts)

    def _position(self, topic: str, partition: int) -> Position:
        held = self.sources[partition] if topic == INFERENCE_EVENTS.name else []
        applied = self._applied[topic, partition]
        return Position(
            topic_id=f"id-{topic}",
            generation=self.generations[topic],
            applied_through=applied,
            end_offset=len(held),
            asked_us=self.now_us,
            high_stamp_us=max((stamp for _, stamp in held[: applied + 1]), default=0),
        )


def told(alerts: Iterable[Alert]) -> list[tuple[str, str, str, str, int]]:
    """Transitions of valid alert records, comparable between runs."""
    book = AlertBook()
    return sorted(
        (
            alert.labels["release_id"],
            alert.labels["hardware"],
            alert.severity.value,
            alert.state.value,
            alert.watermark,
        )
        for alert in alerts
        if book.observe(alert) == "VALID"
    )
