"""A small log for tests of the watch: devices, reports, slo-partials and alerts in memory."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from schemas.alert_log import AlertBook
from schemas.facts import Fact
from schemas.records import Alert, AlertState, InferenceEvent, Lifecycle
from schemas.topics import ALERTS, DEVICES, INFERENCE_EVENTS, SLO_PARTIALS
from streams.processor import Position, Source, Standing
from streams.slo import partials
from streams.watch import watch_file
from streams.watch.agent import HOME, WatchProcessor
from streams.watch.watch_file import WatchPolicy
from tests import factories
from tests.slo_log import SECOND, START_US, batch, window

PARTITIONS: Final = (0, 1)
SLO_GENERATION: Final = "slo"


def policy(**over: Any) -> WatchPolicy:
    """The thresholds that ship with the project, some replaced."""
    return watch_file.load(None).model_copy(update=over)


def registered(device: str, number: int = 0, **over: Any) -> Any:
    """A registry record of a device that reports each 10 s."""
    fields = {
        "event_id": f"{device}/1763769000/{number}",
        "device_id": device,
        "lifecycle": Lifecycle.ACTIVE,
        "heartbeat_interval_ms": 10_000,
    }
    return factories.device(**(fields | over))


def canary(number: int, end_us: int, partition: int) -> InferenceEvent:
    """A beat of the canary: a window in which nothing was due."""
    return window(f"canary-{partition}", number, end_us, frames=0, source="canary")


@dataclass
class WatchLoop:
    """Both stages of the watch on a log in memory; records in, alert records out.

    Attributes:
        beating, counting: Whether the canary beats, and the SLO's stage one makes progress.
        running: Whether a worker runs; what is written meanwhile waits for it.
    """

    policy: WatchPolicy = field(default_factory=policy)
    beating: bool = True
    counting: bool = True
    running: bool = True
    now_us: int = START_US
    alerts: list[Alert] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.logs: dict[Source, list[tuple[Any, int]]] = {
            (topic.name, partition): []
            for topic in (DEVICES, INFERENCE_EVENTS)
            for partition in PARTITIONS
        }
        self.logs[SLO_PARTIALS.name, HOME] = []
        self._numbers: dict[str, int] = {}
        self._facts: list[Fact] = []
        self._facts_read = 0
        self._stored: tuple[dict[Source, bytes], dict[Source, int]] = ({}, {})
        self.restart()

    def restart(self) -> None:
        """A new process, from the last checkpoint."""
        states, applied = self._stored
        self.applied = {at: applied.get(at, -1) for at in self.logs}
        self.processor = WatchProcessor(self.policy)
        self._facts_read = 0
        self._generations = {
            topic.name: self.processor.generation(topic, f"id-{topic.name}")
            for topic in self.processor.batched
        }
        self._folds = {at: self.processor.fold(*at, states.get(at)) for at in self.logs}
        self._catch_up()

    def checkpoint(self, *sources: Source) -> None:
        """Store the state of some partitions, of all when none is named."""
        states, applied = self._stored
        named = sources or tuple(self.logs)
        self._stored = (
            states | {at: self._folds[at].snapshot() for at in named},
            applied | {at: self.applied[at] for at in named},
        )

    def arrive(self, partition: int, records: Iterable[Any]) -> None:
        """Records of either device topic get their stamps."""
        for record in records:
            topic = INFERENCE_EVENTS if isinstance(record, InferenceEvent) else DEVICES
            self.logs[topic.name, partition].append((record, self.now_us))

    def report(self, devices: Iterable[str], partition: int = 0, **over: Any) -> None:
        """Each device reports once."""
        for device in devices:
            number = self._numbers[device] = self._numbers.get(device, -1) + 1
            self.arrive(partition, [window(device, number, self.now_us, **over)])

    def pass_time(self, step_us: int = 10 * SECOND, split: Random | None = None) -> None:
        """Let time pass: the canary beats, stage one counts, a worker reads, emits, reads back."""
        self.now_us += step_us
        for partition in PARTITIONS:
            if self.beating:
                beat = canary(self.now_us // SECOND, self.now_us, partition)
                self.arrive(partition, [beat])
            if self.counting:
                self._append_progress(partition)
        if self.running:
            self.work(split)

    def work(self, split: Random | None = None) -> None:
        """Read everything, emit, and read back until nothing is said."""
        for at in [at for at in self.logs if at[0] != SLO_PARTIALS.name]:
            self._read(at, split)
        self._emit()
        self._read((SLO_PARTIALS.name, HOME), split)
        while self._emit():
            self._read((SLO_PARTIALS.name, HOME), split)

    def told(self, alertname: str) -> list[tuple[str, str, int]]:
        """Severity, state and seconds since the start of each valid step of an alert."""
        book = AlertBook()
        return [
            (alert.severity.value, alert.state.value, (alert.watermark - START_US) // SECOND)
            for alert in self.alerts
            if book.observe(alert) == "VALID" and alert.alertname == alertname
        ]

    def firing(self) -> set[str]:
        """Names of what fires now, the watchdog left out."""
        book = AlertBook()
        for alert in self.alerts:
            book.observe(alert)
        return {
            alert.alertname
            for alert in book
            if alert.state is AlertState.FIRING and alert.alertname != "Watchdog"
        }

    def _append_progress(self, partition: int) -> None:
        record = partials.progress(
            generation=SLO_GENERATION,
            partition=partition,
            last_offset=0,
            ingest_ts=self.now_us,
            watermark=self.now_us,
            target=HOME,
        )
        self.logs[SLO_PARTIALS.name, HOME].append((record, self.now_us))

    def _read(self, at: Source, split: Random | None) -> None:
        self._catch_up()
        log = self.logs[at]
        while (first := self.applied[at] + 1) < len(log):
            size = len(log) if split is None else split.randint(1, 50)
            records, stamps = zip(*log[first : first + size], strict=True)
            made = batch(at[0], at[1], records, stamps, first)
            self._folds[at].apply(made)
            self.applied[at] = made.last_offset

    def _emit(self) -> int:
        partitions: Mapping[Source, Position] = {at: self._position(at) for at in self.logs}
        said: Sequence[Any] = self.processor.emit(
            Standing(now_us=self.now_us, partitions=partitions)
        )
        for outgoing in said:
            if outgoing.topic is ALERTS:
                self.alerts.append(outgoing.record)
                fact = Fact(
                    topic=ALERTS.name,
                    partition=0,
                    offset=len(self._facts),
                    stamp_us=self.now_us,
                    record=outgoing.record,
                )
                self._facts.append(fact)
            else:
                self.logs[SLO_PARTIALS.name, HOME].append((outgoing.record, self.now_us))
        self._catch_up()
        return len(said)

    def _catch_up(self) -> None:
        self.processor.observe(self._facts[self._facts_read :])
        self._facts_read = len(self._facts)

    def _position(self, at: Source) -> Position:
        log, applied = self.logs[at], self.applied[at]
        return Position(
            topic_id=f"id-{at[0]}",
            generation=self._generations[at[0]],
            applied_through=applied,
            end_offset=len(log),
            asked_us=self.now_us + 2 * SECOND - 1,
            high_stamp_us=max((stamp for _, stamp in log[: applied + 1]), default=0),
        )
