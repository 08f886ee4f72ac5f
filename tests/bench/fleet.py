"""Figures of the fleet: how many devices with real inference one core carries.

Time is the stage's own (it passes only while the fleet waits), so that the fleet is never idle
and the CPU time of the process is all its work: camera, inference, windows, edge cases with
their film strips on disk, encoding. Only the send to a broker is left out.
"""

import hashlib
import tempfile
import time
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import numpy as np

from infra.objects import ObjectStore
from producers.camera.rendered import RenderedCamera
from producers.device.client.shelf_storage import ShelfStorage
from producers.device.engine import Engine
from producers.device.models import ModelShelf
from producers.device.people import people
from producers.device.yardstick import Yardstick
from producers.fleet import Fleet, Shore
from producers.model.training import fit
from producers.scenario.scenario import Scenario
from schemas.codec import Codec
from schemas.decisions import ReleaseBook
from schemas.facts import Fact
from schemas.records import Artifact, ReleaseKind
from schemas.registry import FileRegistry
from schemas.topics import MODEL_RELEASES, TopicSpec
from tests.bench.figures import figure, tell
from tests.rollout_log import KEYRING, Log

DEVICES: Final = 1_000
INSTALL_S: Final = 30.0
MEASURED_S: Final = 30.0
START_US: Final = 1_700_000_000_000_000


def scenario(devices: int) -> Scenario:
    """One frame a second, windows of 10 s, weather and regions of the demo."""
    plain = Scenario.model_validate(
        {
            "name": "bench",
            "seed": 7,
            "devices": {"HW3": 3, "HW4": 3, "AI5": 2},
            "regions": {"city": 0.5, "alps": 0.5},
            "weather": {"city": {"CLEAR": 0.8, "RAIN": 0.2}, "alps": {"CLEAR": 0.5, "SNOW": 0.5}},
            "drive": {"frames_per_second": 1},
            "reporting": {"window_s": 10},
        }
    )
    return plain.with_devices(devices)


class Stage:
    """Clock, log and broker of the measured fleet; records are encoded and dropped."""

    def __init__(self, log: Log) -> None:
        self.now_us, self.bytes, self.records = START_US, 0, 0
        self._codec = Codec(FileRegistry())
        self._facts = [
            Fact(topic=MODEL_RELEASES.name, partition=0, offset=at, stamp_us=stamp, record=record)
            for at, (record, stamp) in enumerate(log.records)
        ]

    def poll(self, timeout_s: float = 0.0) -> list[Fact]:
        """The whole log at once, then time that passes."""
        self.now_us += round(timeout_s * 1e6)
        facts, self._facts = self._facts, []
        return facts

    def catch_up(self) -> list[Fact]:
        """The whole log."""
        return self.poll()

    def encoded(self, topic: TopicSpec, record: Any) -> bytes:
        """The record as a device sends it."""
        return self._codec.encode(topic.name, record)

    def publish(self, topic: TopicSpec, record: Any) -> None:
        """Encode."""
        self.bytes += len(self.encoded(topic, record))
        self.records += 1

    def flush(self) -> None:
        """Nothing is queued."""


def trained(camera: RenderedCamera) -> bytes:
    """A model like release 1: features and head on the test drive."""
    seed = camera.seed(100)
    pictures = np.concatenate([one.frames for one in seed])
    labels = np.repeat([one.label for one in seed], [len(one.frames) for one in seed])
    weights = np.ones(len(labels), np.float32)
    return fit(pictures, labels.astype(np.int64), weights, camera.classes, "bench", 7)


def build(devices: int, folder: str, kind: type[Stage] = Stage) -> tuple[Fleet, Stage]:
    """A fleet for which one release is open to all, on a stage of that kind."""
    playing, objects = scenario(devices), ObjectStore(f"file://{folder}")
    camera = RenderedCamera(playing.seed, playing.drive.frames_per_encounter)
    stored = objects.put(trained(camera), kind="models", suffix=".onnx")
    log = Log()
    log.propose(
        "r1",
        artifact=Artifact(
            uri=stored.uri,
            digest=stored.digest,
            bytes=stored.bytes,
            format="ONNX",
            opset=17,
            input_shape=(-1, 32, 32, 3),
            runtime="onnxruntime",
        ),
    )
    log.must("r1", ReleaseKind.VERIFIED, ReleaseKind.APPROVED)
    log.must("r1", ReleaseKind.WAVE_OPENED, wave=0, share=1.0)
    stage = kind(log)
    load = partial(Engine, yardstick=Yardstick())
    shelf = ModelShelf(objects.get, lambda body: hashlib.sha256(body).hexdigest(), load)
    storage = ShelfStorage(shelf)
    shore = Shore(
        camera=camera,
        storage=lambda _: storage,
        pictures=objects,
        publisher=stage,
        follower=stage,
        book=ReleaseBook(KEYRING),
        clock=lambda: stage.now_us,
        save=lambda _: None,
    )
    return Fleet(playing, shore, people(playing), {}), stage


def play(fleet: Fleet, stage: Stage, seconds: float) -> float:
    """Step through some seconds; the CPU seconds it took."""
    until, began = stage.now_us + round(seconds * 1e6), time.process_time()
    while stage.now_us < until:
        fleet.step()
    return time.process_time() - began


def figures() -> Mapping[str, Mapping[str, Any]]:
    """Devices at one frame a second that one core carries."""
    with tempfile.TemporaryDirectory() as folder:
        fleet, stage = build(DEVICES, folder)
        play(fleet, stage, INSTALL_S)
        before = fleet.figures.frames
        cpu_s = play(fleet, stage, MEASURED_S)
        frames = fleet.figures.frames - before
    per_frame_us = cpu_s / frames * 1e6
    return {
        "fleet_devices_per_core": figure(1e6 / per_frame_us, "devices", DEVICES),
        "fleet_cpu_per_frame": figure(per_frame_us, "us", 1_000, at_most=True),
    }


def main() -> None:
    """Measure and tell."""
    tell("fleet", figures())


if __name__ == "__main__":
    main()
