"""The watch on a real Kafka: a fleet that stops and a stage that stops are told apart."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from infra.kafka.admin import Admin
from infra.kafka.follower import Follower
from infra.kafka.publisher import Publisher
from infra.keys import make_keys
from infra.settings import KafkaSettings
from infra.stack.kafka_broker import KafkaBroker
from infra.stack.supervisor import Supervisor
from infra.topics import apply_all
from schemas.alert_log import AlertBook
from schemas.codec import Codec
from schemas.records import Alert, AlertState
from schemas.registry import FileRegistry
from schemas.topics import ALERTS, DEVICES, INFERENCE_EVENTS
from tests.engines import needed
from tests.slo_log import window
from tests.watch_log import registered

pytestmark = pytest.mark.engine

CODEC = Codec(FileRegistry())
FLEET = tuple(f"dev-{number}" for number in range(8))
WATCH_FILE = """
tick: 1s
silent_after: {intervals: 1, at_least: 4s}
fleet: {ticket: {for: 1s}, page: {for: 1s}}
pipeline: {unheard: 13s}
consumer_lag: {behind: 10s, for: 0s}
"""
PATIENCE_S = 90.0


class Site:
    """A broker, the workers on it, and eight devices that report as time passes."""

    def __init__(self, kafka: KafkaSettings, folder: Path) -> None:
        self.folder = folder
        self.publisher = Publisher(kafka, CODEC, "devices")
        self.follower = Follower(kafka, CODEC, [ALERTS], "test")
        self.book = AlertBook()
        self.steps: list[Alert] = []
        self.environment = {
            **os.environ,
            "FLEETLOOP_KAFKA__BOOTSTRAP": kafka.bootstrap,
            "FLEETLOOP_KAFKA__SESSION_TIMEOUT_S": "6",
            "FLEETLOOP_OBJECTS_URL": f"file://{folder}/objects",
            "FLEETLOOP_KEYS_DIR": str(folder / "keys"),
            "FLEETLOOP_WATCH_FILE": str(folder / "watch.yaml"),
            "FLEETLOOP_CHECKPOINT_INTERVAL_S": "1",
        }
        self._number = 0
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, name: str) -> subprocess.Popen[bytes]:
        place = len(self._started)
        with (self.folder / f"{place}-{name}.log").open("wb") as said:
            command = [sys.executable, "-m", "infra.cli.main", "worker", "run", name]
            process = subprocess.Popen(
                command, env=self.environment, stdout=said, stderr=subprocess.STDOUT
            )
        self._started.append(process)
        return process

    def register(self) -> None:
        for device in FLEET:
            self.publisher.publish(DEVICES, registered(device, heartbeat_interval_ms=1_000))
        self.publisher.flush()

    def report(self) -> None:
        now_us = time.time_ns() // 1_000
        self._number += 1
        for device in FLEET:
            self.publisher.publish(INFERENCE_EVENTS, window(device, self._number, now_us))
        self.publisher.flush()

    def until(self, holds: Callable[[], bool], *, reporting: bool) -> None:
        """Let time pass, twice a second, until something holds."""
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < deadline, f"{self.told()}\n{self.said()}"
            if reporting:
                self.report()
            for fact in self.follower.poll(0.5):
                if self.book.observe(fact.record) == "VALID":
                    self.steps.append(fact.record)

    def fires(self, alertname: str, **labels: str) -> bool:
        return any(
            alert.alertname == alertname and labels.items() <= alert.labels.items()
            for alert in self.book.firing()
        )

    def told(self) -> list[tuple[str, AlertState]]:
        return [(one.alertname, one.state) for one in self.steps if one.alertname != "Watchdog"]

    def said(self) -> str:
        return "\n".join(path.read_text()[-3_000:] for path in sorted(self.folder.glob("*.log")))

    def close(self) -> None:
        for process in self._started:
            process.kill()
            process.wait()
        self.follower.close()
        self.publisher.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with ExitStack() as stack:
        supervisor = stack.enter_context(Supervisor(tmp_path / "broker"))
        broker = KafkaBroker(supervisor, tmp_path / "kafka")
        needed(broker.start)
        apply_all(Admin(broker.settings))
        make_keys(tmp_path / "keys")
        (tmp_path / "watch.yaml").write_text(WATCH_FILE)
        made = Site(broker.settings, tmp_path)
        stack.callback(made.close)
        yield made


@pytest.mark.timeout(400)
def test_a_silent_fleet_and_a_stalled_stage_are_told_apart_after_kills(site: Site) -> None:
    site.register()
    slo, watch = site.start("slo"), site.start("watch")
    site.start("canary")
    site.until(lambda: site.fires("Watchdog"), reporting=True)
    site.until(lambda: site.fires("FleetSilent", severity="page"), reporting=False)
    watch.send_signal(signal.SIGKILL)
    watch.wait()
    assert not site.fires("PipelineStalled"), site.told()
    site.start("watch")
    site.until(lambda: not site.fires("FleetSilent"), reporting=True)
    slo.send_signal(signal.SIGKILL)
    slo.wait()
    site.until(lambda: site.fires("PipelineStalled", stage="slo"), reporting=True)
    site.until(lambda: site.fires("ConsumerLagHigh", group="fleetloop.slo"), reporting=True)
    assert not site.fires("FleetSilent"), site.told()
    site.start("slo")
    site.until(
        lambda: not (site.fires("PipelineStalled") or site.fires("ConsumerLagHigh")), reporting=True
    )
    assert {name for name, _ in site.told()} == {
        "FleetSilent",
        "PipelineStalled",
        "ConsumerLagHigh",
    }
    pages = [step for step in site.steps if step.labels.get("severity") == "page"]
    silent = [step.state for step in pages if step.alertname == "FleetSilent"]
    assert silent[:2] == [AlertState.FIRING, AlertState.RESOLVED]
