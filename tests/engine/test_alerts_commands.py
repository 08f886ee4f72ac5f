"""The alert commands against a broker: what one writes the next one reads."""

import json
import os
from typing import Any

import pytest

from infra.cli.output import Exit
from infra.kafka.admin import Admin
from infra.kafka.publisher import Publisher
from infra.settings import KafkaSettings
from infra.topics import apply_all
from schemas.codec import Codec
from schemas.registry import FileRegistry
from schemas.topics import ALERTS
from tests.alert_steps import step
from tests.command_line import fleetloop

pytestmark = pytest.mark.engine

WHO = ("--by", "alice", "--comment", "known")


def rows(*words: str) -> list[dict[str, Any]]:
    done = fleetloop("alerts", *words, "-o", "json")
    assert done.exit_code == Exit.OK, done.output
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_an_alert_is_silenced_and_taken_over_the_log(
    broker: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEETLOOP_KAFKA__BOOTSTRAP", broker.bootstrap)
    monkeypatch.setenv("FLEETLOOP_KAFKA__MEMORY_ONLY", str(broker.memory_only))
    apply_all(Admin(broker))
    mark = f"commands-{os.getpid()}"
    alert = step({"alertname": "LatencySLOBurn", "slo": mark, "severity": "page"}).alert
    with Publisher(broker, Codec(FileRegistry()), "test") as publisher:
        publisher.publish(ALERTS, alert)
        publisher.flush()

    def mine() -> dict[str, Any]:
        (found,) = [row for row in rows("list") if row["fingerprint"] == alert.fingerprint]
        return found

    made = fleetloop("alerts", "silence", "add", f"slo={mark}", *WHO)
    identity = made.stdout.strip()
    assert made.exit_code == Exit.OK, made.output
    assert mine()["held_back"] == f"silenced by {identity}"
    assert fleetloop("alerts", "silence", "expire", identity, *WHO).exit_code == Exit.OK
    assert fleetloop("alerts", "ack", alert.fingerprint, *WHO).exit_code == Exit.OK
    assert (mine()["held_back"], mine()["acked_by"]) == (None, "alice")
