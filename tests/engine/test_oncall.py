"""From reporting windows on a real broker to the page: both workers, and a kill -9 between."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from consumers.oncall.outbox import deliveries
from infra.kafka.admin import Admin
from infra.kafka.publisher import Publisher
from infra.keys import make_keys
from infra.objects import ObjectStore
from infra.settings import KafkaSettings
from infra.stack.supervisor import Supervisor
from infra.stack.tansu import TansuBroker
from infra.topics import apply_all
from schemas.codec import Codec
from schemas.registry import FileRegistry
from schemas.topics import INFERENCE_EVENTS
from tests.oncall_files import oncall_file
from tests.slo_log import window
from tests.webhook_receiver import WebhookServer, webhook_server

pytestmark = pytest.mark.engine

SLO_FILE = """
apiVersion: openslo/v1
kind: SLO
metadata: {name: perception-latency}
spec:
  service: perception
  budgetingMethod: Occurrences
  objectives: [{target: 0.99, op: lte, value: 50ms}]
  timeWindow: [{duration: 10m, isRolling: true}]
  alerting:
    bucket: 1s
    lateness: 1s
    keep_firing_for: {page: 1s}
    tiers: [{severity: page, long: 10s, short: 3s, budget_share: 0.2}]
"""
PATIENCE_S = 90.0


class Site:
    """A broker, the settings of both workers, and devices that report as time passes."""

    def __init__(self, kafka: KafkaSettings, folder: Path, pager: WebhookServer) -> None:
        self.folder, self.pager = folder, pager
        self.objects = ObjectStore(f"file://{folder}/objects")
        self.publisher = Publisher(kafka, Codec(FileRegistry()), "devices")
        self.environment = {
            **os.environ,
            "FLEETLOOP_KAFKA__BOOTSTRAP": kafka.bootstrap,
            "FLEETLOOP_KAFKA__MEMORY_ONLY": str(kafka.memory_only),
            "FLEETLOOP_KAFKA__SESSION_TIMEOUT_S": "6",
            "FLEETLOOP_OBJECTS_URL": f"file://{folder}/objects",
            "FLEETLOOP_KEYS_DIR": str(folder / "keys"),
            "FLEETLOOP_SLO_FILE": str(folder / "slo.yaml"),
            "FLEETLOOP_ONCALL_FILE": str(oncall_file(folder, pager.url)),
            "FLEETLOOP_CHECKPOINT_INTERVAL_S": "1",
        }
        self._number = 0
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, name: str) -> subprocess.Popen[bytes]:
        """A worker process; what it says stands in a file of its own."""
        place = len(self._started)
        with (self.folder / f"{place}-{name}.log").open("wb") as said:
            self._started.append(
                subprocess.Popen(
                    [sys.executable, "-m", "infra.cli.main", "worker", "run", name],
                    env=self.environment,
                    stdout=said,
                    stderr=subprocess.STDOUT,
                )
            )
        return self._started[-1]

    def report(self, *, late: int) -> None:
        """Every device reports a window that ends now; `late` frames of ten on HW3."""
        now_us = time.time_ns() // 1_000
        self._number += 1
        for number in range(8):
            hardware = ("HW3", "HW4")[number % 2]
            record = window(
                f"dev-{number}",
                self._number,
                now_us,
                late=late if hardware == "HW3" else 0,
                hardware=hardware,
                release_id="release-3",
            )
            self.publisher.publish(INFERENCE_EVENTS, record)
        self.publisher.flush()

    def report_until(self, status: str, *, late: int) -> None:
        """Report twice a second until the pager was told."""
        deadline = time.monotonic() + PATIENCE_S
        while status not in [body["status"] for body in self.pager.bodies]:
            assert time.monotonic() < deadline, self.said()
            self.report(late=late)
            time.sleep(0.5)

    def alerts(self, *options: str) -> list[dict[str, Any]]:
        """What `fleetloop alerts` answers."""
        done = subprocess.run(
            [sys.executable, "-m", "infra.cli.main", "alerts", *options, "-o", "json"],
            env=self.environment,
            capture_output=True,
            check=True,
        )
        rows: list[dict[str, Any]] = json.loads(done.stdout)
        return rows

    def said(self) -> str:
        """The last words of the workers."""
        return "\n".join(path.read_text()[-3_000:] for path in sorted(self.folder.glob("*.log")))

    def close(self) -> None:
        for process in self._started:
            process.kill()
            process.wait()
        self.publisher.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with ExitStack() as stack:
        supervisor = stack.enter_context(Supervisor(tmp_path / "broker"))
        broker = TansuBroker(supervisor)
        broker.start()
        apply_all(Admin(broker.settings))
        make_keys(tmp_path / "keys")
        (tmp_path / "slo.yaml").write_text(SLO_FILE)
        pager = stack.enter_context(webhook_server())
        made = Site(broker.settings, tmp_path, pager)
        stack.callback(made.close)
        yield made


@pytest.mark.timeout(300)
def test_late_inference_pages_once_by_name_and_the_end_is_told_after_kills(site: Site) -> None:
    slo, notifier = site.start("slo"), site.start("oncall")
    for _ in range(12):
        site.report(late=0)
        time.sleep(0.5)
    site.report_until("firing", late=8)
    for process in (notifier, slo):
        process.send_signal(signal.SIGKILL)
        process.wait()
    slo = site.start("slo")
    site.start("oncall")
    site.report_until("resolved", late=0)
    statuses = [body["status"] for body in site.pager.bodies]
    assert statuses in (["firing", "resolved"], ["firing", "firing", "resolved"]), site.said()
    (page,) = site.pager.bodies[0]["alerts"]
    assert page["labels"] == {
        "alertname": "LatencySLOBurn",
        "slo": "perception-latency",
        "severity": "page",
        "release_id": "release-3",
        "hardware": "HW3",
    }
    assert "Suspect: hardware HW3" in page["annotations"]["description"]
    (row,) = site.alerts("list")
    assert (row["state"], row["hardware"], row["reason"]) == (
        "RESOLVED",
        "HW3",
        "burn_rate_below_factor",
    )
    told = {line["what"]: line["value"] for line in site.alerts("get", row["alert_id"])}
    assert told["fingerprint"] == page["fingerprint"]
    slo.send_signal(signal.SIGTERM)
    assert slo.wait(20) == 0, site.said()
    kept = [one for one in deliveries(site.objects) if one.receiver == "webhook"]
    assert [one.status for one in kept] == ["firing", "resolved"]
