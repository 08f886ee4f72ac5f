"""`fleetloop fleet run` on a real broker: from a signed release on the log to its telemetry."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from infra.kafka.admin import Admin
from infra.kafka.follower import Follower
from infra.kafka.publisher import Publisher
from infra.keys import load_signer, make_keys
from infra.objects import ObjectStore
from infra.settings import KafkaSettings
from infra.stack.supervisor import Supervisor
from infra.stack.tansu import TansuBroker
from infra.topics import apply_all
from producers.bundles import packed
from producers.proposing import store_model
from schemas.codec import Codec
from schemas.media import PICTURES
from schemas.records import AckState, ReleaseKind
from schemas.registry import FileRegistry
from schemas.topics import DEVICES, INFERENCE_EVENTS, MODEL_RELEASES, OTA_ACKS, TopicSpec
from tests.rollout_log import follow, proposal
from tests.unit.producers.device.kit import tiny_model

pytestmark = pytest.mark.engine

CODEC = Codec(FileRegistry())
DEVICE_COUNT = 12
SCENARIO = {
    "name": "engine-test",
    "seed": 3,
    "devices": {"HW3": 6, "HW4": 4, "AI5": 2},
    "regions": {"city": 1},
    "weather": {"city": {"CLEAR": 1}},
    "drive": {"frames_per_second": 4},
    "reporting": {"window_s": 1},
    "triggers": {"random_share": 0.5},
    "updates": {"download_s": 0.2, "install_s": 0.1, "boot_s": 0.1, "health_s": 0.8},
}


class Site:
    """A broker with all topics, an object store, keys, and the environment of a fleet."""

    def __init__(self, kafka: KafkaSettings, folder: Path) -> None:
        self.kafka, self.folder = kafka, folder
        self.objects = ObjectStore(f"file://{folder}/objects")
        make_keys(folder / "keys")
        self.scenario = folder / "scenario.yaml"
        self.scenario.write_text(yaml.safe_dump(SCENARIO))
        self.environment = {
            **os.environ,
            "FLEETLOOP_KAFKA__BOOTSTRAP": kafka.bootstrap,
            "FLEETLOOP_KAFKA__MEMORY_ONLY": str(kafka.memory_only),
            "FLEETLOOP_OBJECTS_URL": f"file://{folder}/objects",
            "FLEETLOOP_METRICS_PORT": "0",
            "FLEETLOOP_KEYS_DIR": str(folder / "keys"),
        }

    def start(self, *options: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "infra.cli.main", "fleet", "run", *options]
        return subprocess.Popen(command, env=self.environment, stderr=subprocess.PIPE, text=True)

    def open_release(self) -> None:
        """Propose a bundle of two real models and open it to every device."""
        bundle = packed({"model": tiny_model(), "lanes": tiny_model(tag="lanes")})
        model = store_model(self.objects, bundle, PICTURES)
        first = proposal("r1", artifact=model)
        keys = self.folder / "keys"
        first = load_signer(keys, "trainer").sign(first)
        gate = load_signer(keys, "gate")
        steps = [
            follow(first, ReleaseKind.VERIFIED, 1, signer=gate),
            follow(first, ReleaseKind.APPROVED, 2, signer=gate),
            follow(first, ReleaseKind.WAVE_OPENED, 3, signer=gate, wave=0, share=1.0),
        ]
        with Publisher(self.kafka, CODEC, "test") as publisher:
            for record in (first, *steps):
                publisher.publish(MODEL_RELEASES, record)

    def read(self, topic: TopicSpec) -> list[Any]:
        follower = Follower(self.kafka, CODEC, [topic])
        try:
            return [fact.record for fact in follower.catch_up()]
        finally:
            follower.close()

    def wait_for_windows(self, more_than: int, limit_s: float = 60.0) -> None:
        until = time.monotonic() + limit_s
        while len(self.read(INFERENCE_EVENTS)) <= more_than:
            if time.monotonic() > until:
                pytest.fail(f"no more than {more_than} reporting windows within {limit_s} s")
            time.sleep(0.5)

    def wait_for_commits(self, limit_s: float = 60.0) -> None:
        until = time.monotonic() + limit_s
        while time.monotonic() < until:
            states = [ack.state for ack in self.read(OTA_ACKS)]
            if states.count(AckState.COMMITTED) == DEVICE_COUNT:
                return
            time.sleep(0.5)
        pytest.fail(f"not every device committed within {limit_s} s: {states}")


def health_port(running: subprocess.Popen[str]) -> int:
    for line in running.stderr or ():
        if found := re.search(r"health and metrics on 127\.0\.0\.1:(\d+)", line):
            return int(found.group(1))
    return pytest.fail("the fleet did not tell where its health is")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Supervisor(tmp_path / "logs") as supervised:
        broker = TansuBroker(supervised)
        broker.start()
        apply_all(Admin(broker.settings))
        yield Site(broker.settings, tmp_path)


def test_a_fleet_takes_a_release_from_the_log_and_stops_with_nothing_left_unsaid(
    site: Site,
) -> None:
    running = site.start("--scenario", str(site.scenario))
    try:
        site.open_release()
        port = health_port(running)
        site.wait_for_commits()
        assert httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
        metrics = httpx.get(f"http://127.0.0.1:{port}/metrics").text
        assert re.search(r"fleetloop_fleet_frames_total [1-9]", metrics)
    finally:
        running.send_signal(signal.SIGTERM)
        _, said = running.communicate(timeout=60)
    assert running.returncode == 0, said
    found = re.search(r"fleet: (\d+) frames, 0 missed", said)
    assert found, said
    windows = site.read(INFERENCE_EVENTS)
    assert sum(one.produced for one in windows) == int(found.group(1))
    assert len({one.event_id for one in windows}) == len(windows)
    assert all(one.latency.min_us > 0 for one in windows if one.produced > one.warmup)
    boots = {one.event_id.split("/")[1] for one in site.read(DEVICES)}

    again = site.start("--scenario", str(site.scenario))
    try:
        site.wait_for_windows(more_than=len(windows))
    finally:
        again.send_signal(signal.SIGTERM)
        _, said = again.communicate(timeout=60)
    assert again.returncode == 0, said
    assert len(site.read(OTA_ACKS)) == 7 * DEVICE_COUNT
    later = {one.event_id.split("/")[1] for one in site.read(DEVICES)} - boots
    assert len(later) == 1
    assert int(later.pop()) > max(map(int, boots))
