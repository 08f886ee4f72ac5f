"""`fleetloop topics` answers as data and by its exit code."""

import json
from collections.abc import Mapping

import pytest

from infra.cli import topics as command
from infra.cli.output import Exit
from infra.kafka.admin import Admin, FoundTopic
from infra.stack.ports import LOOPBACK, free_port
from schemas.topics import TOPICS
from tests.command_line import fleetloop

ALL = {
    name: FoundTopic(
        name=name, topic_id="i", partitions=spec.partitions, config=spec.kafka_config()
    )
    for name, spec in TOPICS.items()
}


def having(monkeypatch: pytest.MonkeyPatch, found: Mapping[str, FoundTopic]) -> None:
    """A broker with these topics."""

    def current(_: Admin) -> Mapping[str, FoundTopic]:
        return found

    monkeypatch.setattr(command, "current", current)


def test_nothing_to_do_is_exit_code_0(monkeypatch: pytest.MonkeyPatch) -> None:
    having(monkeypatch, ALL)
    done = fleetloop("topics", "plan", "-o", "json")
    assert (done.exit_code, json.loads(done.stdout)) == (Exit.OK, [])


def test_something_to_do_is_exit_code_3_and_the_rest_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    some = {name: topic for name, topic in ALL.items() if name != "devices"}
    alien = FoundTopic(name="alien", topic_id="i", partitions=1, config={})
    quiet = FoundTopic(name="alerts", topic_id="i", partitions=2, config={})
    having(monkeypatch, {**some, "alien": alien, "alerts": quiet})
    done = fleetloop("topics", "plan", "-o", "json")
    assert done.exit_code == Exit.CONDITION_NOT_MET
    (row,) = json.loads(done.stdout)
    assert (row["change"], row["topic"], row["partitions"]) == ("CREATE", "devices", 4)
    assert "not in the topic registry: alien" in done.stderr
    assert "does not tell cleanup.policy, message.timestamp.type, retention.ms" in done.stderr


def test_a_refusal_names_the_topic(monkeypatch: pytest.MonkeyPatch) -> None:
    having(monkeypatch, ALL)
    done = fleetloop("topics", "plan", "--device-partitions", "2")
    assert done.exit_code == Exit.ERROR
    assert "topic devices: has 4 partitions, 2 wanted" in done.stderr


@pytest.mark.parametrize("verb", ["plan", "apply"])
def test_a_dead_broker_is_exit_code_4(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.kafka.admin._TIMEOUT_S", 0.5)
    address = f"{LOOPBACK}:{free_port()}"
    monkeypatch.setenv("FLEETLOOP_KAFKA__BOOTSTRAP", address)
    done = fleetloop("topics", verb)
    assert done.exit_code == Exit.UNREACHABLE
    assert f"list topics at {address}" in done.stderr
