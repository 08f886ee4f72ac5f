"""Devices that give a safety reason while a fleet updates, and how soon the gate holds for it.

One acknowledgement justifies one decision: from its stamp by the broker to that of the HELD record.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import count
from time import monotonic
from typing import Any, Final

from confluent_kafka import Producer

from infra.kafka.config import producer_config
from infra.settings import KafkaSettings
from schemas.codec import Codec
from schemas.facts import Fact
from schemas.records import AckState, CommandKind, DeviceClass, ReleaseKind
from schemas.registry import FileRegistry
from schemas.strata import StratumStatus
from schemas.topics import OTA_ACKS
from tests.bench.rollout_acks import ack, takes
from tests.bench.rollout_desk import Desk

STRATA: Final[Mapping[str, DeviceClass]] = {
    "HW4": DeviceClass.VEHICLE,
    "AI5": DeviceClass.VEHICLE,
    "NOT_STATED": DeviceClass.VEHICLE,
    "OPTIMUS_G2": DeviceClass.ROBOT,
}
_STOPS: Final = (ReleaseKind.HELD, ReleaseKind.PAUSED)
_PAUSE_S: Final = 1.5


@dataclass
class _Line:
    """One stratum: its release of now, and the incident that is due or under way."""

    stratum: str
    number: int = 0
    due_s: float | None = None
    told: bool = False

    @property
    def release_id(self) -> str:
        return f"{self.stratum}-{self.number}"


class Incidents:
    """Releases in four strata, one after the other, each stopped by one device.

    Attributes:
        delays: Seconds from acknowledgement to decision, of each incident that was decided.
    """

    def __init__(self, kafka: KafkaSettings, desk: Desk, seed: int) -> None:
        self._desk, self._chance = desk, random.Random(seed)
        self._codec = Codec(FileRegistry())
        self._producer = Producer(
            producer_config(kafka, "bench-incidents", linger_s=0.0, delivery_timeout_s=30.0)
        )
        self._stamps: dict[str, int] = {}
        self._lines = [_Line(stratum) for stratum in STRATA]
        self.delays: list[float] = []
        for line in self._lines:
            self._propose(line)

    @property
    def under_way(self) -> bool:
        """Whether a device was reported and nothing is decided yet."""
        return any(line.told for line in self._lines)

    def turn(self) -> None:
        """Read decisions, and let happen what is due."""
        for fact in self._desk.look():
            self._decided(fact)
        self._producer.poll(0)
        for line in self._lines:
            opened = self._desk.status(line.release_id, line.stratum) is StratumStatus.OPEN
            if opened and line.due_s is None:
                line.due_s = monotonic() + self._chance.random() * _PAUSE_S
                # Not before: of two that wait the newer may be opened, which ends the older.
                self._propose(replace(line, number=line.number + 1))
            if line.due_s is not None and not line.told and monotonic() >= line.due_s:
                line.told = True
                self._tell(line)

    def close(self) -> None:
        """Give the connection back."""
        self._producer.flush(10.0)

    def _propose(self, line: _Line) -> None:
        self._desk.propose(line.release_id, [line.stratum], STRATA[line.stratum])

    def _tell(self, line: _Line) -> None:
        release_id = line.release_id
        name = next(n for n in (f"unlucky-{k}" for k in count()) if takes(release_id, n))
        told = replace(
            ack(AckState.REVERTED, release_id=release_id),
            event_id=f"{name}/1763769000/0",
            device_id=name,
            hardware=line.stratum,
            device_class=STRATA[line.stratum],
            reason_code="SAFETY",
        )

        def delivered(error: Any, message: Any) -> None:
            if error is not None:
                raise RuntimeError(f"acknowledgement about {release_id}: {error}")
            self._stamps[release_id] = message.timestamp()[1] * 1_000

        self._producer.produce(
            OTA_ACKS.name,
            key=name.encode(),
            value=self._codec.encode(OTA_ACKS, told),
            on_delivery=delivered,
        )

    def _decided(self, fact: Fact) -> None:
        """A hold ends the release; the next one, long approved, opens in its place."""
        record = fact.record
        for line in self._lines:
            if line.told and record.release_id == line.release_id and record.kind in _STOPS:
                self._producer.flush(10.0)
                self.delays.append((fact.stamp_us - self._stamps[line.release_id]) / 1e6)
                self._desk.order(line.release_id, CommandKind.ABORT)
                line.number, line.due_s, line.told = line.number + 1, None, False
