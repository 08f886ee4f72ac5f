"""A fleet at night on one shared link: within its limit, done by morning, nobody failed.

The update clients are the real ones, the bytes really come in parts, and the gate that counts the
acknowledgements and tells people is the real one too.
"""

import hashlib
import random
from collections import Counter
from dataclasses import replace
from typing import Final

import pytest

from producers.device.acks import Acks
from producers.device.buckets import TokenBucket
from producers.device.client.attempt import Attempt
from producers.device.client.ota import OtaClient
from producers.device.client.shelf_storage import ShelfStorage
from producers.device.fetch.download import Download, Wanted, link
from producers.device.flash import Flash
from producers.device.identity import EventIds
from producers.device.orders import wish
from producers.device.slots import Model
from producers.scenario.equipment import Updates
from schemas.cohorts import membership
from schemas.records import AckState, CommandKind, DeviceConditions, OtaAck
from schemas.topics import ALERTS, MODEL_RELEASES, OTA_ACKS, TopicSpec
from tests import factories
from tests.partials import MemoryPartial
from tests.rollout_log import SECOND, START, proposal
from tests.rollout_world import DEMO_POLICY, SimDevice, World
from tests.tuf_site import Site
from tests.unit.producers.device import kit

BODY: Final = random.Random(4).randbytes(150_000)
DIGEST: Final = hashlib.sha256(BODY).hexdigest()
BYTES_PER_S: Final = 400_000.0
BURST: Final = 100_000
FLEET: Final = {"HW3": 24, "HW4": 24, "AI5": 20}
POLICY: Final = DEMO_POLICY.model_copy(update={"ceiling": 0.3})
"""What a street of cars can prove: that fewer than a third fail."""
AWAKE: Final = DeviceConditions(parked=False, state_of_charge=0.9, network="WIFI")
EMPTY: Final = DeviceConditions(parked=True, state_of_charge=0.1, network="WIFI")
SALT: Final = "salt of r1"
HOME_US: Final = START + 45 * SECOND
RULES: Final = Updates.model_validate({"download_s": 0, "health_s": 1, "defer_s": 1})


class Garage(Site):
    """The image repository behind the link; what leaves it is noted with its time."""

    def __init__(self, night: "Night") -> None:
        super().__init__("images")
        self._night = night
        self.sent: list[tuple[int, int]] = []

    def part(self, path: str, start: int, length: int) -> bytes | None:
        del path
        part = BODY[start : start + length]
        self.sent.append((self._night.logs.now, len(part)))
        return part


class Linked(ShelfStorage):
    """A device's storage, whose downloads come over the link of all."""

    def __init__(self, garage: Garage, shared: TokenBucket) -> None:
        super().__init__(kit.Files())
        self._kept = MemoryPartial()
        wanted = Wanted(path="model", length=len(BODY), hashes={"sha256": DIGEST})
        self._download = Download(garage, wanted, self._kept, shared)

    def fetch(self, at: Attempt, now_us: int) -> int | None:
        del at
        return self._download.turn(now_us)

    def digest(self, model: Model) -> str | None:
        del model
        return hashlib.sha256(self._kept.data).hexdigest()


class Night(World):
    """The loop of `rollout_world` with real update clients; `out`: who is not at home yet."""

    def __init__(self, out: dict[str, DeviceConditions]) -> None:
        super().__init__(fleet=FLEET, policy=POLICY)
        self._out = out
        self.garage, shared = Garage(self), link(BYTES_PER_S, BURST)
        self.flashes: dict[str, Flash] = {}
        self._clients: dict[str, OtaClient] = {}
        for device in self.devices:
            self._clients[device.device_id] = self._client(device, shared)

    def _client(self, device: SimDevice, shared: TokenBucket) -> OtaClient:
        flash = self.flashes[device.device_id] = Flash(boot=1, registered_ts=START)
        acks = Acks(
            kit.who(device.device_id, device.hardware),
            flash,
            EventIds(device.device_id, 1),
            conditions=lambda now_us: self._conditions(device.device_id, now_us),
            send=self._send,
        )
        return OtaClient(
            rules=RULES,
            seed=1,
            flash=flash,
            acks=acks,
            storage=Linked(self.garage, shared),
            boot=lambda _: None,
            answers_right=lambda: True,
        )

    def _send(self, topic: TopicSpec, ack: OtaAck) -> None:
        self.logs.append(topic, ack)

    def _conditions(self, device_id: str, now_us: int) -> DeviceConditions:
        held = self._out.get(device_id, kit.READY)
        return kit.READY if held is AWAKE and now_us >= HOME_US else held

    def _turn(self, device: SimDevice) -> None:
        flash, client = self.flashes[device.device_id], self._clients[device.device_id]
        trying = flash.attempt.wanted.model if flash.attempt is not None else None
        who = kit.who(device.device_id, device.hardware)
        client.observe(produced=True, judged=True, late=False)
        client.turn(self.logs.now, wish(self.book, who, flash.slots, trying, self.logs.now))
        device.running = flash.slots.running.release_id if flash.slots.running else None
        self._report(device)

    def offer(self) -> None:
        """A release that wants a device parked and charged."""
        first = proposal("r1")
        assert first.preconditions is not None
        record = proposal(
            "r1",
            artifact=factories.artifact(digest=DIGEST, format="onnx", input_shape=(1, 32, 32, 3)),
            preconditions=replace(first.preconditions, parked=True, min_state_of_charge=0.3),
        )
        self.logs.append(MODEL_RELEASES, record)
        self.order("r1", CommandKind.APPROVE)


def last(share: float, held: DeviceConditions) -> dict[str, DeviceConditions]:
    """So many of each generation, those that come last to a wave, are like this."""
    found: dict[str, DeviceConditions] = {}
    for hardware, count in FLEET.items():
        names = [f"{hardware}-{number}" for number in range(count)]
        names.sort(key=lambda name: membership(SALT, name))
        found |= dict.fromkeys(names[count - round(share * count) :], held)
    return found


def states(night: Night) -> dict[str, Counter[AckState]]:
    told: dict[str, Counter[AckState]] = {device.device_id: Counter() for device in night.devices}
    for ack in night.logs.of(OTA_ACKS):
        told[ack.device_id][ack.state] += 1
    return told


def test_all_have_it_by_morning_and_the_link_never_carries_more_than_its_limit() -> None:
    late = last(0.3, AWAKE)
    night = Night(late)
    night.offer()
    night.run(60)
    told = states(night)
    assert all(one[AckState.COMMITTED] == 1 for one in told.values())
    assert {name for name, one in told.items() if one[AckState.DEFERRED]} == set(late)
    assert not any(one[AckState.INSTALL_FAILED] or one[AckState.REVERTED] for one in told.values())
    sent = night.garage.sent
    assert sum(length for _, length in sent) == sum(FLEET.values()) * len(BODY)
    for index, (begin, _) in enumerate(sent):
        within = 0
        for at, length in sent[index:]:
            within += length
            assert within <= BURST + BYTES_PER_S * (at - begin) / 1e6 + 1
    assert set(night.statuses("r1").values()) == {"COMPLETED"}


@pytest.mark.parametrize(("share", "fires"), [(0.15, False), (0.4, True)])
def test_who_stays_deferred_is_told_and_fails_nothing(share: float, *, fires: bool) -> None:
    empty = last(share, EMPTY)
    night = Night(empty)
    night.offer()
    night.run(30)
    told = states(night)
    for name, one in told.items():
        assert bool(one[AckState.DEFERRED]) == (name in empty and bool(one))
        assert not one[AckState.INSTALL_FAILED]
        assert not one[AckState.REVERTED]
        if name in empty:
            assert set(one) <= {AckState.OFFERED, AckState.DEFERRED}
    reasons = {ack.reason_code for ack in night.logs.of(OTA_ACKS) if ack.reason_code}
    assert reasons == {"LOW_CHARGE"}
    assert "ROLLING_BACK" not in night.statuses("r1").values()
    alerts = {alert.labels.get("alertname") for alert in night.logs.of(ALERTS)}
    assert ("RolloutDeferred" in alerts) is fires
