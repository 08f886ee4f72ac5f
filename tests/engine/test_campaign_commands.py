"""The campaign commands against a broker: what one writes the next one reads."""

import json
import os
import time

import pytest

from infra.cli.output import Exit
from infra.kafka.admin import Admin
from infra.kafka.publisher import Publisher
from infra.settings import KafkaSettings
from infra.topics import apply_all
from schemas.codec import Codec
from schemas.registry import FileRegistry
from schemas.topics import DEVICES
from tests.command_line import fleetloop
from tests.factories import device

pytestmark = pytest.mark.engine


def test_a_campaign_is_made_looked_at_and_stopped_over_the_log(
    broker: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEETLOOP_KAFKA__BOOTSTRAP", broker.bootstrap)
    monkeypatch.setenv("FLEETLOOP_KAFKA__MEMORY_ONLY", str(broker.memory_only))
    apply_all(Admin(broker))
    name = f"night-{os.getpid()}"
    with Publisher(broker, Codec(FileRegistry()), "test") as publisher:
        for at in range(20):
            publisher.publish(DEVICES, device(device_id=f"{name}-{at}"))
        publisher.flush()
    words = ("campaigns", "create", name, "--when", "margin < 0.2", "--for", "6h")
    flood = fleetloop(*words, "--quota", "1000000")
    assert flood.exit_code == Exit.CONDITION_NOT_MET
    assert "quota 1000000 x 16384 bytes" in flood.output
    made = fleetloop(*words, "--quota", "20")
    assert made.exit_code == Exit.OK, made.output
    assert fleetloop(*words, "--quota", "20").exit_code == Exit.CONDITION_NOT_MET
    (row,) = [
        one
        for one in json.loads(fleetloop("campaigns", "list", "-o", "json").stdout)
        if one["campaign"] == name
    ]
    assert (row["state"], row["quota"], row["when"]) == ("OPEN", 20, "margin < 0.2")
    assert fleetloop("campaigns", "stop", name).exit_code == Exit.OK
    time.sleep(0.001)
    assert "ENDED" in fleetloop("campaigns", "get", name).stdout
    assert fleetloop("campaigns", "stop", name).exit_code == Exit.CONDITION_NOT_MET
    assert fleetloop("campaigns", "get", "nobody").exit_code == Exit.CONDITION_NOT_MET


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("Night", "--when", "flips > 1", "--for", "6h"), "small letters"),
        (("n", "--when", "flips >> 1", "--for", "6h"), "predicate, character 8"),
        (("n", "--when", "flips > 1", "--for", "soon"), "is no duration"),
        (("n", "--when", "flips > 1", "--for", "91d"), "at most 90d"),
    ],
)
def test_a_campaign_that_is_written_wrongly_is_a_usage_error(
    words: tuple[str, ...], said: str
) -> None:
    done = fleetloop("campaigns", "create", *words, "--quota", "5")
    assert done.exit_code == Exit.USAGE
    assert said in done.output
