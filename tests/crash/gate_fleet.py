"""A fleet and people for the gate's story, on real Kafka: they know only what stands on the log."""

import time
from pathlib import Path
from typing import Any, Final

from infra.kafka.follower import Follower
from infra.kafka.publisher import Publisher
from infra.keys import load_keyring, load_signer
from infra.settings import KafkaSettings
from schemas.codec import Codec
from schemas.cohorts import membership
from schemas.decisions import ReleaseBook
from schemas.records import CommandKind, DeviceClass, InferenceEvent
from schemas.registry import FileRegistry
from schemas.topics import (
    INFERENCE_EVENTS,
    MODEL_RELEASES,
    ROLLOUT_COMMANDS,
    ROLLOUT_PARTIALS,
    TopicSpec,
)
from streams.processor import Source
from tests import factories
from tests.rollout_log import SECOND, command, digest_of, proposal
from tests.rollout_world import Fault, SimDevice, World

CODEC: Final = Codec(FileRegistry())
FLEET: Final = {"HW3": 60, "HW4": 60, "AI5": 20}
FIRST: Final = "r0"


class KafkaLogs:
    """The logs of a world on Kafka: written by key, and those of decisions read back."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self.records: dict[Source, list[tuple[int, Any]]] = {}
        self._publisher = Publisher(kafka, CODEC, "story")
        self._follower = Follower(
            kafka, CODEC, [MODEL_RELEASES, ROLLOUT_COMMANDS, ROLLOUT_PARTIALS], "story-reader"
        )

    @property
    def now(self) -> int:
        """UTC microseconds."""
        return time.time_ns() // 1_000

    def append(self, spec: TopicSpec, record: Any, partition: int | None = None) -> None:
        """Write a record."""
        self._publisher.publish(spec, record, partition=partition)

    def read(self) -> None:
        """Read on to where the logs end now; what was written before is acknowledged."""
        self._publisher.flush()
        for fact in self._follower.catch_up(30.0):
            log = self.records.setdefault((fact.topic, fact.partition), [])
            assert fact.offset == len(log), "the log has a hole"
            log.append((fact.stamp_us, fact.record))

    def close(self) -> None:
        """Give the connections back."""
        self._follower.close()
        self._publisher.close()


class KafkaWorld(World):
    """The fleet and the people of the story.

    Attributes:
        spared: By release the devices that its fault passes by, those of the first wave first.
    """

    install_s = (0.2, 0.5)

    def __init__(self, logs: KafkaLogs, keys: Path) -> None:
        super().__init__(workers=0, fleet=FLEET)
        self.kafka = logs
        self.logs = logs  # type: ignore[assignment]  # the same words, on Kafka
        self.keyring = load_keyring(keys)
        self.book = ReleaseBook(self.keyring)
        self._trainer, self._operator = load_signer(keys, "trainer"), load_signer(keys, "operator")
        self.spared: dict[str, list[str]] = {}
        self._compared_at = 0
        self._given: set[tuple[str, CommandKind, str | None, int]] = set()
        for device in self.devices:
            device.running = FIRST

    def publish(self, release_id: str, counter: int, parent: str | None = None) -> None:
        """Propose a release."""
        record = proposal(release_id, counter=counter, parent_release_id=parent)
        self.logs.append(MODEL_RELEASES, self._trainer.sign(record))

    def spare(self, release_id: str) -> None:
        """Have a fault of the release pass by every fourth device in the order of its waves.

        So each wave has some, and is harmed beyond doubt whichever of its devices report first.
        """
        order = [device.device_id for device in self.devices if device.hardware == "HW3"]
        order.sort(key=lambda name: membership(f"salt of {release_id}", name))
        self.spared[release_id] = order[::4]

    def compare(self, release_id: str) -> None:
        """Once a second each device that runs a release in shadow tells that both models agree."""
        if self.logs.now - self._compared_at < SECOND:
            return
        self._compared_at = self.logs.now
        for device in self.devices:
            view = self.book.shadow(device.device_id, DeviceClass.VEHICLE, device.hardware)
            if view is not None and view.proposal.release_id == release_id:
                self.logs.append(INFERENCE_EVENTS, self._agreeing(device, release_id))

    def _agreeing(self, device: SimDevice, release_id: str) -> InferenceEvent:
        running = str(device.running)
        return factories.inference_event(
            event_id=self._event_id(device),
            device_id=device.device_id,
            hardware=device.hardware,
            release_id=running,
            model_digest=digest_of(running),
            window_start=self.logs.now - SECOND,
            window_end=self.logs.now,
            shadow_release_id=release_id,
            disagreements=0,
            shadow_encounters=(4, 0, 0, 0),
            shadow_differing=(0, 0, 0, 0),
            shadow_late=0,
        )

    def once(
        self, release_id: str, kind: CommandKind, stratum: str | None = None, turn: int = 0
    ) -> None:
        """Give an order, unless it was given."""
        if (key := (release_id, kind, stratum, turn)) not in self._given:
            self._given.add(key)
            record = command(release_id, kind, stratum=stratum, at=self.logs.now)
            self.logs.append(ROLLOUT_COMMANDS, self._operator.sign(record))

    def _fault(self, release: str, device: SimDevice, kinds: tuple[str, ...]) -> Fault | None:
        if device.device_id in self.spared.get(release, ()):
            return None
        return super()._fault(release, device, kinds)
