"""A small log for tests of drift: releases, reports, drift-partials and alerts in memory."""

from collections.abc import Sequence
from random import Random
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from producers.releases import propose
from schemas.alert_log import AlertBook
from schemas.decisions import ReleaseBook
from schemas.records import DeviceClass, InferenceEvent, ModelRelease
from schemas.references import Reference, to_metrics
from schemas.signing import Keyring, PublicKey, Role, Signer
from schemas.topics import DRIFT_PARTIALS, INFERENCE_EVENTS, MODEL_RELEASES
from streams.drift.agent import DriftProcessor
from streams.drift.partials import BUCKET_US, Place
from streams.rollout.partitioning import partition_of
from tests import factories
from tests.slo_log import START_US, window
from tests.staged_log import StagedLog

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


def reference(encounters: int = 400, confidence: Sequence[int] = SURE) -> Reference:
    """A validation whose shares are those of a window, of a sure one if not said."""
    times = encounters * PER_ENCOUNTER // FRAMES
    return Reference(
        encounters=encounters,
        frames=times * FRAMES,
        flips=3 * times,
        confidence=tuple(count * times for count in confidence),
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


class DriftLoop(StagedLog[DriftProcessor]):
    """Both stages on a log in memory; records in, alert records out.

    Attributes:
        running: Whether a worker runs; what is written meanwhile waits for it.
    """

    def __init__(self) -> None:
        topics = (INFERENCE_EVENTS, DRIFT_PARTIALS)
        sources = [(topic.name, partition) for topic in topics for partition in PARTITIONS]
        super().__init__(sources, START_US)
        self.running = True
        self._numbers: dict[str, int] = {}
        self.restart()

    def restart(self) -> None:
        """A new process, from the last checkpoint."""
        self.begin(DriftProcessor(ReleaseBook(KEYRING)))

    def decide(self, record: ModelRelease) -> None:
        """A decision reaches the log."""
        self.fact(MODEL_RELEASES.name, record)
        self.catch_up()

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
                self.read(at, split)
        while self._emit():
            for at in self.logs:
                self.read(at, split)
            self.now_us += 1

    def told(self) -> list[tuple[str, str]]:
        """Place and state of each valid step, in order."""
        book = AlertBook()
        return [
            ("/".join(alert.labels[name] for name in Place._fields), alert.state.value)
            for alert in self.alerts
            if book.observe(alert) == "VALID"
        ]

    def _emit(self) -> int:
        said, count = self.said()
        for outgoing in said:
            to = outgoing.partition
            if to is None:
                to = partition_of(outgoing.record.release_id, len(PARTITIONS))
            self.logs[DRIFT_PARTIALS.name, to].append((outgoing.record, self.now_us))
        self.catch_up()
        return count
