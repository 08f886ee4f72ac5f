"""A good model that is too slow on one generation: those devices leave it by themselves.

Real update clients, a real model that onnxruntime runs (its clock is a test's), the real gate.
"""

import re
from collections import Counter
from typing import Final

import numpy as np

from producers.device.acks import Acks
from producers.device.client.ota import OtaClient
from producers.device.client.shelf_storage import ShelfStorage
from producers.device.engine import Engine
from producers.device.flash import Flash
from producers.device.identity import EventIds
from producers.device.models import ModelShelf
from producers.device.orders import wish
from producers.device.slots import Model, Slots
from schemas.catalogue import CATALOGUE
from schemas.records import AckState, CommandKind, OtaAck, ReleaseKind
from schemas.topics import MODEL_RELEASES, OTA_ACKS, TopicSpec
from tests import factories
from tests.rollout_log import START, proposal
from tests.rollout_world import SimDevice, World
from tests.unit.producers.device import kit
from tests.updating_device import RULES

FLEET: Final = {"HW3": 80, "HW4": 80}
OLD, NEW = kit.tiny_model(tag="old"), kit.tiny_model(tag="new")
CPU_NS: Final = {kit.sha(OLD): 100_000, kit.sha(NEW): 900_000}
"""CPU time of an inference on the reference core: on HW3 10 ms and 90 ms, on HW4 1.2 and 10.8."""

WAS: Final = Model(release_id="r0", digest=kit.sha(OLD), uri="old", deadline_us=50_000, wave=0)
BLANK: Final = np.zeros((32, 32, 3), np.uint8)


def shelf() -> ModelShelf:
    bodies = {"old": OLD, "new": NEW}
    return ModelShelf(
        bodies.__getitem__,
        kit.sha,
        lambda body, digest: Engine(body, digest, cpu_clock=kit.Stepping(CPU_NS[digest])),
    )


class Car:
    """A device that drives: it answers pictures and takes what the log wants."""

    def __init__(self, world: World, device: SimDevice, storage: ShelfStorage) -> None:
        self.flash = Flash(boot=1, registered_ts=START, slots=Slots(a=WAS))
        self.who = kit.who(device.device_id, device.hardware)
        self._storage, self._world = storage, world
        self._factor = CATALOGUE.hardware[device.hardware].latency_factor
        acks = Acks(
            self.who,
            self.flash,
            EventIds(device.device_id, 1),
            conditions=lambda _: kit.READY,
            send=self._send,
        )
        self._engine: Engine | None = None
        self.ota = OtaClient(
            rules=RULES,
            seed=1,
            flash=self.flash,
            acks=acks,
            storage=storage,
            boot=self._boot,
            answers_right=lambda: True,
        )
        self.ota.restart(START)

    def _send(self, topic: TopicSpec, ack: OtaAck) -> None:
        self._world.logs.append(topic, ack)

    def turn(self) -> None:
        trying = self.ota.attempt.wanted.model if self.ota.attempt is not None else None
        if self.flash.slots.trial:
            self._look()
        now, book = self._world.logs.now, self._world.book
        self.ota.turn(now, wish(book, self.who, self.flash.slots, trying, now))

    def _look(self) -> None:
        running = self.flash.slots.running
        assert running is not None
        assert self._engine is not None
        latency_us = self._engine.answer([BLANK]).cpu_ns[0] * self._factor / 1000
        self.ota.observe(produced=True, judged=True, late=latency_us > running.deadline_us)

    def _boot(self, model: Model | None) -> None:
        assert model is not None
        self._engine = self._storage.engine(model, self.flash.slots.active)


class Road(World):
    """The loop with cars."""

    def __init__(self) -> None:
        super().__init__(fleet=FLEET)
        storage = ShelfStorage(shelf())
        self.cars = {one.device_id: Car(self, one, storage) for one in self.devices}

    def _turn(self, device: SimDevice) -> None:
        car = self.cars[device.device_id]
        car.turn()
        running = car.flash.slots.running
        device.running = running.release_id if running and running.release_id != "r0" else None
        self._report(device)

    def offer(self) -> None:
        artifact = factories.artifact(
            digest=kit.sha(NEW), uri="new", format="onnx", input_shape=(1, 32, 32, 3)
        )
        self.logs.append(MODEL_RELEASES, proposal("r1", artifact=artifact, strata=tuple(FLEET)))
        self.order("r1", CommandKind.APPROVE)


def test_hw3_reverts_by_itself_and_says_why_the_gate_sees_it_and_hw4_commits() -> None:
    road = Road()
    road.offer()
    road.run(8)
    # The first release of a line has nothing that the gate could roll back to: it holds.
    held = [one for one in road.decisions("r1") if one.stratum == "HW3"][-1]
    assert (held.kind, road.statuses("r1")["HW3"]) == (ReleaseKind.HELD, "HELD")
    assert re.search(r"updates: (\d+) of \1 devices failed", held.reason)
    road.order("r1", CommandKind.RESUME, "HW4")
    road.run(24)
    acks: list[OtaAck] = road.logs.of(OTA_ACKS)
    ends = Counter(
        (ack.hardware, ack.state, ack.reason_code)
        for ack in acks
        if ack.state in {AckState.COMMITTED, AckState.REVERTED}
    )
    tried = {ack.device_id for ack in acks if ack.hardware == "HW3"}
    assert ends == {
        ("HW3", AckState.REVERTED, "DEADLINE_MISSES"): len(tried),
        ("HW4", AckState.COMMITTED, ""): FLEET["HW4"],
    }
    assert 0 < len(tried) < FLEET["HW3"] / 2, "the gate stopped it before most had tried"
    assert all(ack.model_digest == kit.sha(OLD) for ack in acks if ack.state is AckState.REVERTED)
    assert road.statuses("r1") == {"HW3": "HELD", "HW4": "COMPLETED"}
    running = {name: car.flash.slots.running for name, car in road.cars.items()}
    assert all(model == WAS for name, model in running.items() if name.startswith("HW3"))
