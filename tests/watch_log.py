"""A small log for tests of the watch: devices, reports, slo-partials and alerts in memory."""

from collections.abc import Iterable
from random import Random
from typing import Any, Final

from schemas.alert_log import AlertBook
from schemas.records import AlertState, InferenceEvent, Lifecycle
from schemas.topics import DEVICES, INFERENCE_EVENTS, SLO_PARTIALS
from streams.slo import partials
from streams.watch import watch_file
from streams.watch.agent import HOME, WatchProcessor
from streams.watch.watch_file import WatchPolicy
from tests import factories
from tests.slo_log import SECOND, START_US, window
from tests.staged_log import StagedLog

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


class WatchLoop(StagedLog[WatchProcessor]):
    """Both stages of the watch on a log in memory; records in, alert records out.

    Attributes:
        beating, counting: Whether the canary beats, and the SLO's stage one makes progress.
        running: Whether a worker runs; what is written meanwhile waits for it.
    """

    def __init__(self) -> None:
        topics = (DEVICES, INFERENCE_EVENTS)
        sources = [(topic.name, partition) for topic in topics for partition in PARTITIONS]
        super().__init__([*sources, (SLO_PARTIALS.name, HOME)], START_US)
        self.policy = policy()
        self.beating = self.counting = self.running = True
        self._numbers: dict[str, int] = {}
        self.restart()

    def restart(self) -> None:
        """A new process, from the last checkpoint."""
        self.begin(WatchProcessor(self.policy))

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
            self.read(at, split)
        self._emit()
        self.read((SLO_PARTIALS.name, HOME), split)
        while self._emit():
            self.read((SLO_PARTIALS.name, HOME), split)

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

    def _emit(self) -> int:
        said, count = self.said()
        partials_log = self.logs[SLO_PARTIALS.name, HOME]
        partials_log.extend((outgoing.record, self.now_us) for outgoing in said)
        self.catch_up()
        return count
