"""A small log for tests of drift: releases, reports, drift-partials and alerts in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from producers.releases import propose
from schemas.alert_log import AlertBook
from schemas.decisions import ReleaseBook
from schemas.facts import Fact
from schemas.records import Alert, DeviceClass, InferenceEvent, ModelRelease
from schemas.references import Reference, to_metrics
from schemas.signing import Keyring, PublicKey, Role, Signer
from schemas.topics import ALERTS, DRIFT_PARTIALS, INFERENCE_EVENTS, MODEL_RELEASES
from streams.drift.agent import DriftProcessor
from streams.drift.partials import BUCKET_US, Place
from streams.processor import Position, Source, Standing
from streams.rollout.partitioning import partition_of
from tests import factories
from tests.slo_log import SECOND, START_US, batch, window

SIGNER: Final = Signer("trainer", Ed25519PrivateKey.generate())
KEYRING: Final = Keyring(
    {"trainer": PublicKey(SIGNER.public().key, frozenset({Role.TRAINER, Role.GATE}))}
)
PARTITIONS: Final = (0, 1)
FRAMES: Final = 60
PER_ENCOUNTER: Final = 6
SURE: Final = (0, 0, 0, 0, 0, 0, 6, 12, 18, 24)
UNSURE: Final = (0, 0, 6, 12, 12, 12, 6, 6, 6, 0)
CLASSES: Final = (30, 18, 12)
PLACE: Final = Place("release-1", "city", "HW3")


def reference(encounters: int = 400) -> Reference:
    """A validation whose shares are those of a sure window."""
    times = encounters * PER_ENCOUNTER // FRAMES
    return Reference(
        encounters=encounters,
        frames=times * FRAMES,
        flips=3 * times,
        confidence=tuple(count * times for count in SURE),
        classes=tuple(count * times for count in CLASSES),
    )


def proposed(release_id: str = "release-1", counter: int = 1, **over: Any) -> ModelRelease:
    """A valid proposal with a reference."""
    fields: dict[str, Any] = {
        "release_id": release_id,
        "device_class": DeviceClass.VEHICLE,
        "artifact": factories.artifact(),
        "parent_release_id": None,
        "counter": counter,
        "strata": ("HW3", "HW4"),
        "deadline_us": {"HW3": 50_000, "HW4": 50_000},
        "decided_ts": START_US,
        "purpose": "test",
        "metrics": to_metrics(reference()),
    }
    return propose(SIGNER, **(fields | over))


def answered(
    device: str, number: int, end_us: int, confidence: Sequence[int] = SURE, **over: Any
) -> InferenceEvent:
    """A window of sixty frames; flips 3 of them."""
    fields: dict[str, Any] = {
        "confidence": tuple(confidence),
        "classes": CLASSES,
        "flips": 3,
        "release_id": PLACE.release_id,
        "region": PLACE.region,
        "hardware": PLACE.hardware,
    }
    return window(device, number, end_us, frames=FRAMES, **(fields | over))


@dataclass
class DriftLoop:
    """Both stages on a log in memory; records in, alert records out.

    Attributes:
        running: Whether a worker runs; what is written meanwhile waits for it.
        facts: Releases and alerts on the log.
    """

    running: bool = True
    now_us: int = START_US
    alerts: list[Alert] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.logs: dict[Source, list[tuple[Any, int]]] = {
            (topic.name, partition): []
            for topic in (INFERENCE_EVENTS, DRIFT_PARTIALS)
            for partition in PARTITIONS
        }
        self.facts: list[Fact] = []
        self._numbers: dict[str, int] = {}
        self._stored: tuple[dict[Source, bytes], dict[Source, int]] = ({}, {})
        self.restart()

    def restart(self) -> None:
        """A new process, from the last checkpoint."""
        states, applied = self._stored
        self.applied = {at: applied.get(at, -1) for at in self.logs}
        self.processor = DriftProcessor(ReleaseBook(KEYRING))
        self._read_facts = 0
        self._generations = {
            topic.name: self.processor.generation(topic, f"id-{topic.name}")
            for topic in self.processor.batched
        }
        self.folds: dict[Source, Any] = {
            at: self.processor.fold(*at, states.get(at)) for at in self.logs
        }
        self._catch_up()

    def checkpoint(self) -> None:
        """Store the state of all partitions."""
        self._stored = (
            {at: fold.snapshot() for at, fold in self.folds.items()},
            dict(self.applied),
        )

    def decide(self, record: ModelRelease) -> None:
        """A decision reaches the log."""
        self._fact(MODEL_RELEASES.name, record)

    def report(self, devices: int = 10, **over: Any) -> None:
        """Each device reports sixty frames."""
        for number in range(devices):
            device = f"dev-{number}"
            count = self._numbers[device] = self._numbers.get(device, -1) + 1
            made = answered(device, count, self.now_us, **over)
            self.logs[INFERENCE_EVENTS.name, number % 2].append((made, self.now_us))

    def minute(self, split: Random | None = None, **over: Any) -> None:
        """A minute passes in which everybody reports, read second by second at its end."""
        self.now_us += BUCKET_US // 2
        self.report(**over)
        for _ in range(3):
            self.now_us += BUCKET_US // 6
            if self.running:
                self.work(split)

    def minutes(self, count: int, **over: Any) -> None:
        """So many of them."""
        for _ in range(count):
            self.minute(**over)

    def work(self, split: Random | None = None) -> None:
        """Read everything, emit, and read back until nothing is said."""
        for at in self.logs:
            if at[0] == INFERENCE_EVENTS.name:
                self._read(at, split)
        while self._emit():
            for at in self.logs:
                self._read(at, split)
            self.now_us += 1

    def told(self) -> list[tuple[str, str]]:
        """Place and state of each valid step, in order."""
        book = AlertBook()
        return [
            ("/".join(alert.labels[name] for name in Place._fields), alert.state.value)
            for alert in self.alerts
            if book.observe(alert) == "VALID"
        ]

    def _read(self, at: Source, split: Random | None) -> None:
        self._catch_up()
        log = self.logs[at]
        while (first := self.applied[at] + 1) < len(log):
            size = len(log) if split is None else split.randint(1, 50)
            records, stamps = zip(*log[first : first + size], strict=True)
            made = batch(at[0], at[1], records, stamps, first)
            self.folds[at].apply(made)
            self.applied[at] = made.last_offset

    def _emit(self) -> int:
        partitions: Mapping[Source, Position] = {at: self._position(at) for at in self.logs}
        said = self.processor.emit(Standing(now_us=self.now_us, partitions=partitions))
        for outgoing in said:
            if outgoing.topic is ALERTS:
                self.alerts.append(outgoing.record)
                self._fact(ALERTS.name, outgoing.record)
            else:
                to = outgoing.partition
                if to is None:
                    to = partition_of(outgoing.record.release_id, len(PARTITIONS))
                self.logs[DRIFT_PARTIALS.name, to].append((outgoing.record, self.now_us))
        self._catch_up()
        return len(said)

    def _fact(self, topic: str, record: Any) -> None:
        self.facts.append(
            Fact(
                topic=topic,
                partition=0,
                offset=len(self.facts),
                stamp_us=self.now_us,
                record=record,
            )
        )
        self._catch_up()

    def _catch_up(self) -> None:
        self.processor.observe(self.facts[self._read_facts :])
        self._read_facts = len(self.facts)

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
