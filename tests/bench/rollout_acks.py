"""Acknowledgements by the million: one of each state is encoded, then told by every device.

As a program it is a fleet that reports at a steady rate: arguments devices, acks a second, seconds.
"""

import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count as count_up
from itertools import islice
from typing import Final

from infra.kafka.publisher import Publisher
from infra.settings import Settings
from schemas.codec import Codec
from schemas.cohorts import held_back
from schemas.records import AckState, OtaAck
from schemas.registry import FileRegistry
from schemas.topics import OTA_ACKS
from streams.rollout.policy import Policy
from tests import factories
from tests.rollout_log import digest_of

FLEET: Final = "fleet"
"""The release that all devices take part in, and the stratum they are of."""
FLEET_STRATUM: Final = "HW3"
HOLDBACK: Final = Policy().holdback
PATH: Final = (AckState.ACCEPTED, AckState.TRIAL_BOOT, AckState.COMMITTED)
SLICES: Final = 50
_STAND_IN: Final = b"vehicle-0000000"
_CODEC: Final = Codec(FileRegistry())


@dataclass(frozen=True, slots=True)
class Template:
    """The parts of an encoded acknowledgement between which the device's id stands."""

    parts: tuple[bytes, ...]

    @classmethod
    def of(cls, ack: OtaAck) -> "Template":
        """Cut an encoded acknowledgement of the device that stands in for all."""
        return cls(tuple(_CODEC.encode(OTA_ACKS, ack).split(_STAND_IN)))

    def value(self, device: bytes) -> bytes:
        """What a device with an id of the same length says."""
        return device.join(self.parts)


def device(number: int) -> bytes:
    """Id of a device of the fleet, of fifteen characters."""
    return b"vehicle-%07d" % number


def takes(release_id: str, name: str) -> bool:
    """Whether a device is not held back: others may not take the release."""
    return not held_back(f"salt of {release_id}", name, HOLDBACK)


def fleet(count: int) -> list[int]:
    """Numbers of the first so many devices that take the fleet's release."""
    return list(islice((n for n in count_up() if takes(FLEET, device(n).decode())), count))


def ack(state: AckState, *, release_id: str = FLEET, attempt: int = 1, seq: int = 0) -> OtaAck:
    """An acknowledgement of the device that stands in for all."""
    name = _STAND_IN.decode()
    return factories.ota_ack(
        event_id=f"{name}/1763769000/{seq}",
        device_id=name,
        hardware=FLEET_STRATUM,
        release_id=release_id,
        model_digest=digest_of(release_id),
        attempt=attempt,
        seq=seq,
        state=state,
    )


def whole_updates(devices: Sequence[int], seed: int) -> Iterator[tuple[bytes, bytes]]:
    """Key and value of all devices' way through an update, each step in an order of its own."""
    order = list(devices)
    chance = random.Random(seed)
    for seq, state in enumerate(PATH):
        chance.shuffle(order)
        yield from told(Template.of(ack(state, seq=seq)), order)


def told(template: Template, order: Sequence[int]) -> Iterator[tuple[bytes, bytes]]:
    """Key and value of one step of many devices."""
    for number in order:
        name = device(number)
        yield name, template.value(name)


def report(devices: Sequence[int], rate: int, seconds: float, publisher: Publisher) -> int:
    """Say steps of second and third attempts at a steady rate; how many were said."""
    templates = [
        Template.of(ack(state, attempt=attempt, seq=number))
        for attempt in (2, 3)
        for number, state in enumerate(PATH)
    ]
    chance, sent, began = random.Random(rate), 0, time.monotonic()
    while (now := time.monotonic() - began) < seconds:
        while sent < now * rate:
            name = device(chance.choice(devices))
            value = templates[chance.randrange(len(templates))].value(name)
            publisher.publish_bytes(OTA_ACKS, name, value)
            sent += 1
        time.sleep(1 / SLICES)
    return sent


def main() -> None:
    """Report until the time is over."""
    devices, rate, seconds = (int(word) for word in sys.argv[1:4])
    with Publisher(Settings().kafka, _CODEC, "bench-fleet") as publisher:
        sent = report(fleet(devices), rate, seconds, publisher)
    sys.stdout.write(f"sent {sent} in {seconds} s\n")


if __name__ == "__main__":
    main()
