"""What tests of devices stand on: a tiny model, a camera, clocks, and an outbox."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from infra.objects import StoredObject
from producers.camera.camera import Encounter, EncounterRequest
from producers.device.acks import Acks
from producers.device.client.ota import OtaClient
from producers.device.client.shelf_storage import ShelfStorage
from producers.device.engine import Engine
from producers.device.flash import Flash
from producers.device.identity import EventIds, Who
from producers.device.readiness import Household
from producers.device.slots import Model
from producers.scenario.equipment import Updates
from producers.scenario.scenario import Scenario
from schemas.records import AckState, DeviceClass, DeviceConditions, OtaAck
from schemas.tasks import ROAD_SIGNS
from schemas.topics import TopicSpec

SECOND: Final = 1_000_000
NOW: Final = 1_700_000_000 * SECOND
CLASSES: Final = ("stop", "yield", "no entry")
READY: Final = DeviceConditions(parked=True, state_of_charge=0.9, network="WIFI")


def tiny_model(
    *,
    classes: Sequence[str] | None = CLASSES,
    size: int = 32,
    outputs: Sequence[str] = ("prob", "emb"),
    tag: str = "",
    middle: float = 1.0,
) -> bytes:
    """A model that tells dark (class 0), middle (1) and bright (2) pictures apart.

    `middle` not a number: it answers nonsense.
    """
    weights: dict[str, npt.NDArray[Any]] = {
        "w": np.array([[-8.0, 0.0, 8.0]], np.float32),
        "b": np.array([3.0, middle, -5.0], np.float32),
        "one": np.array([[1.0, 1.0, 0.0, 0.0]], np.float32),
        "shape": np.array([-1, 1], np.int64),
        "axes": np.array([1, 2, 3], np.int64),
        "white": np.array(255.0, np.float32),
    }
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["pixels", "axes"], ["mean"], keepdims=0),
        helper.make_node("Div", ["mean", "white"], ["level"]),
        helper.make_node("Reshape", ["level", "shape"], ["column"]),
        helper.make_node("Gemm", ["column", "w", "b"], ["logits"]),
        helper.make_node("Softmax", ["logits"], [outputs[0]], axis=1),
        helper.make_node("Gemm", ["column", "one"], ["raw"]),
        helper.make_node("LpNormalization", ["raw"], [outputs[1]], axis=1, p=2),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny" + tag,
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", size, size, 3])],
        [
            helper.make_tensor_value_info(outputs[0], TensorProto.FLOAT, ["N", 3]),
            helper.make_tensor_value_info(outputs[1], TensorProto.FLOAT, ["N", 4]),
        ],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    if classes is not None:
        onnx.helper.set_model_props(model, {"classes": json.dumps(list(classes))})
    body: bytes = model.SerializeToString()
    return body


def sha(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


class Stepping:
    """A clock that goes on by `step_ns` at every look: each inference takes one step."""

    def __init__(self, step_ns: int = 100_000) -> None:
        self.step_ns, self._now = step_ns, 0

    def __call__(self) -> int:
        self._now += self.step_ns
        return self._now


def engine(body: bytes, step_ns: int = 100_000) -> Engine:
    return Engine(body, sha(body), cpu_clock=Stepping(step_ns))


class FakeCamera:
    """Three frames an encounter; brightness tells the sign."""

    task = ROAD_SIGNS
    classes = CLASSES

    def __init__(self, frames: int = 3) -> None:
        self.frames = frames
        self.requests: list[EncounterRequest] = []

    def encounters(self, requests: Sequence[EncounterRequest]) -> list[Encounter]:
        self.requests += requests
        return [encounter(one, self.frames) for one in requests]

    def truth(self, encounter_id: str) -> str:
        raise AssertionError(f"a device asked for the truth of {encounter_id}")

    def seed(self, encounters: int) -> list[Encounter]:
        raise AssertionError(f"a device asked for {encounters} labelled encounters")

    def held_back(self, seed: int, encounters: int) -> Any:
        raise AssertionError(f"a device asked for held-back pictures {seed} {encounters}")


def encounter(ask: EncounterRequest, frames: int = 3) -> Encounter:
    label = ask.number % len(CLASSES)
    pictures = np.full((frames, 32, 32, 3), (10, 128, 245)[label], np.uint8)
    name = f"{ask.device_id}/{ask.number}"
    return Encounter(name, pictures, label, ask.world.weather, ask.world.light)


@dataclass
class Outbox:
    """What was sent, in order."""

    sent: list[tuple[str, Any]] = field(default_factory=list)
    flushes: int = 0

    def __call__(self, topic: TopicSpec, record: Any) -> None:
        self.sent.append((topic.name, record))

    def publish(self, topic: TopicSpec, record: Any) -> None:
        self(topic, record)

    def flush(self) -> None:
        self.flushes += 1

    def on(self, topic: TopicSpec) -> list[Any]:
        return [record for name, record in self.sent if name == topic.name]


class Album:
    """Keeps pictures in memory."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}

    def put(self, body: bytes, *, kind: str, suffix: str = "") -> StoredObject:
        digest = sha(body)
        self.bodies[digest] = body
        return StoredObject(f"memory://{kind}/{digest}{suffix}", digest, len(body))


def who(device_id: str = "hw3-00001", hardware: str = "HW3", **changes: Any) -> Who:
    return Who(
        **{
            "device_id": device_id,
            "device_class": DeviceClass.VEHICLE,
            "hardware": hardware,
            "region": "city",
            "consent_pictures": True,
            "consent_location": True,
            "consent_compute": False,
            **changes,
        }
    )


def model(name: str = "r1", **changes: Any) -> Model:
    return Model(
        **{
            "release_id": name,
            "digest": sha(name.encode()),
            "uri": f"memory://{name}",
            "deadline_us": 50_000,
            "wave": 0,
            **changes,
        }
    )


def scenario(**changes: Any) -> Scenario:
    return Scenario.model_validate(
        {
            "name": "test",
            "seed": 1,
            "devices": {"HW3": 2},
            "regions": {"city": 1},
            "weather": {"city": {"CLEAR": 1}},
            "drive": {"frames_per_second": 2, "frames_per_encounter": 3},
            "reporting": {"window_s": 2, "warmup_frames": 1},
            "updates": {"download_s": 1, "install_s": 0.5, "boot_s": 0.5, "health_s": 2},
            **changes,
        }
    )


class Files:
    """Model files by address; `broken` addresses cannot be read, `wrong` hold other bytes."""

    def __init__(self) -> None:
        self.broken: set[str] = set()
        self.wrong: set[str] = set()

    def digest(self, uri: str) -> str:
        if uri in self.broken:
            raise LookupError(uri)
        return sha(b"other" if uri in self.wrong else uri.removeprefix("memory://").encode())

    def engine(self, model: Model) -> Engine:
        raise AssertionError(f"the client itself loaded {model.uri}")


class Phone:
    """An update client on its own, with a clock that the test moves."""

    def __init__(
        self, flash: Flash | None = None, household: Household | None = None, **rules: Any
    ) -> None:
        self.now = NOW
        self.files = Files()
        self.outbox = Outbox()
        self.flash = flash or Flash(boot=1, registered_ts=NOW)
        self.held = READY
        self.temperature_c: float | None = None
        self.loads: list[str | None] = []
        self.refuses: set[str] = set()
        self.wrong_answers = False
        updates = {"download_s": 1, "install_s": 1, "boot_s": 1, "health_s": 2, "jitter": 0}
        acks = Acks(
            who(),
            self.flash,
            EventIds("hw3-00001", self.flash.boot),
            conditions=lambda _: self.held,
            send=self.outbox,
        )
        self.ota = OtaClient(
            rules=Updates.model_validate({**updates, **rules}),
            seed=1,
            flash=self.flash,
            acks=acks,
            storage=ShelfStorage(self.files),
            boot=self._boot,
            answers_right=lambda: not self.wrong_answers,
            household=household,
            temperature_c=lambda _: self.temperature_c,
        )

    def _boot(self, wanted: Model | None) -> None:
        self.loads.append(wanted.release_id if wanted else None)
        if wanted is not None and wanted.release_id in self.refuses:
            raise LookupError(wanted.uri)

    def run(self, wish: Any, seconds: float, *, late: bool = False, answers: bool = True) -> None:
        """Obey for some seconds, twice a second, with a frame each time."""
        for _ in range(round(seconds * 2)):
            self.ota.turn(self.now, wish)
            self.ota.observe(produced=answers, judged=answers, late=late and answers)
            self.now += SECOND // 2
        self.ota.turn(self.now, wish)

    @property
    def acks(self) -> list[OtaAck]:
        return [record for _, record in self.outbox.sent]

    @property
    def states(self) -> list[tuple[AckState, str]]:
        return [(ack.state, ack.reason_code) for ack in self.acks]
