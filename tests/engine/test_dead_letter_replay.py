"""Replaying dead letters on a real broker: same bytes, same partition, once."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.kafka.admin import Admin
from infra.kafka.dead_letters import ATTEMPT_HEADER, REPLAY_HEADER, refused
from infra.kafka.messages import RawMessage
from infra.kafka.ranges import RangeReader
from infra.settings import KafkaSettings
from infra.stack.supervisor import Supervisor
from infra.stack.tansu import TansuBroker
from infra.topics import apply_all
from schemas.errors import FramingError
from schemas.records import DeadLetter
from schemas.topics import DEAD_LETTERS, ERASURES, OTA_ACKS
from tests import factories
from tests.command_line import fleetloop
from tests.sinks import CODEC, publishing

pytestmark = pytest.mark.engine

GOOD = CODEC.encode(OTA_ACKS, factories.ota_ack(event_id="mended"))
BAD = b"\xffstill not avro"


@pytest.fixture
def kafka(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KafkaSettings]:
    """A broker with all topics, named by the environment as for the command."""
    with Supervisor(tmp_path) as supervisor:
        broker = TansuBroker(supervisor)
        broker.start()
        apply_all(Admin(broker.settings))
        publish_refused(broker.settings)
        monkeypatch.setenv("FLEETLOOP_KAFKA__BOOTSTRAP", broker.settings.bootstrap)
        monkeypatch.setenv("FLEETLOOP_KAFKA__MEMORY_ONLY", "true")
        yield broker.settings


def publish_refused(kafka: KafkaSettings) -> None:
    """The records that the letters are about stand in the partition."""
    with publishing(kafka) as publisher:
        for body in (GOOD, BAD):
            publisher.publish_bytes(OTA_ACKS, b"dev-9", body, partition=2)
        publisher.flush()


def letter(offset: int, body: bytes) -> DeadLetter:
    message = RawMessage(OTA_ACKS.name, 2, offset, 5, b"dev-9", body, (("trace", b"t"),))
    return refused(message, "topic-id", FramingError(body, "the first byte of a value is 0"))


def publish(kafka: KafkaSettings, *letters: DeadLetter) -> None:
    with publishing(kafka) as publisher:
        for each in letters:
            publisher.publish(DEAD_LETTERS, each)
        publisher.flush()


def run(*arguments: str) -> list[dict[str, Any]]:
    result = fleetloop("dead-letters", *arguments, "-o", "json")
    assert result.exit_code == 0, result.output
    rows: list[dict[str, Any]] = json.loads(result.stdout)
    return rows


def partition_two(kafka: KafkaSettings) -> list[RawMessage]:
    reader = RangeReader(kafka)
    return list(reader.read([s for s in reader.held([OTA_ACKS.name]) if s.partition == 2]))


def test_a_letter_published_twice_is_listed_once(kafka: KafkaSettings) -> None:
    publish(kafka, letter(0, GOOD), letter(1, BAD), letter(0, GOOD))
    rows = run("list")
    assert [(row["offset"], row["bytes"]) for row in rows] == [(0, len(GOOD)), (1, len(BAD))]
    assert run("list", "--topic", "devices") == []


def test_a_replay_sends_the_same_bytes_once_however_often_it_is_run(kafka: KafkaSettings) -> None:
    mended = letter(0, GOOD)
    publish(kafka, mended)
    for expected in ("SENT", "ALREADY", "ALREADY"):
        rows = run("replay", mended.event_id)
        assert [(row["id"], row["outcome"]) for row in rows] == [(mended.event_id, expected)]
    replayed = [m for m in partition_two(kafka) if REPLAY_HEADER in dict(m.headers)]
    assert [(m.key, m.value) for m in replayed] == [(b"dev-9", GOOD)]
    assert dict(replayed[0].headers) == {
        "trace": b"t",
        REPLAY_HEADER: mended.event_id.encode(),
        ATTEMPT_HEADER: b"2",
    }


@pytest.mark.parametrize(
    ("policy", "outcomes", "sent"),
    [
        ("drop", ["SENT", "DROPPED"], [GOOD]),
        ("re-dead-letter", ["SENT", "REFUSED_AGAIN"], [GOOD, BAD]),
    ],
)
def test_what_would_be_refused_again_follows_the_policy(
    kafka: KafkaSettings, policy: str, outcomes: list[str], sent: list[bytes]
) -> None:
    publish(kafka, letter(0, GOOD), letter(1, BAD))
    words = ("replay", "--topic", OTA_ACKS.name, "--policy", policy)
    assert [row["outcome"] for row in run(*words, "--dry-run")] == outcomes
    assert len(partition_two(kafka)) == 2
    assert [row["outcome"] for row in run(*words)] == outcomes
    assert [message.value for message in partition_two(kafka)[2:]] == sent


def test_by_default_nothing_is_sent_when_one_would_be_refused_again(kafka: KafkaSettings) -> None:
    publish(kafka, letter(0, GOOD), letter(1, BAD))
    result = fleetloop("dead-letters", "replay", "--error-class", "FRAMING")
    assert result.exit_code == 1
    assert "would be refused again" in result.stderr
    assert "--policy drop" in result.stderr
    assert len(partition_two(kafka)) == 2


def test_a_range_and_a_limit_bound_what_is_replayed(kafka: KafkaSettings) -> None:
    publish(kafka, *(letter(offset, GOOD) for offset in range(5)))
    words = ("replay", "--range", f"{OTA_ACKS.name}/2:1-3")
    assert [row["offset"] for row in run(*words, "--dry-run")] == [1, 2, 3]
    assert [row["offset"] for row in run("list", "--range", f"{OTA_ACKS.name}/2:4-9")] == [4]
    assert run("list", "--range", f"{OTA_ACKS.name}/1:0-9") == []
    result = fleetloop("dead-letters", *words, "--limit", "2")
    assert result.exit_code == 0
    assert "2 SENT" in result.stderr
    assert "stopped at --limit 2" in result.stderr
    assert len(partition_two(kafka)) == 4
    assert fleetloop("dead-letters", "replay", "--range", "nonsense").exit_code == 2


def test_a_letter_of_an_erased_device_is_not_sent(kafka: KafkaSettings) -> None:
    """Sent now, its record would be later than the erasure and so not covered by it."""
    publish(kafka, letter(0, GOOD))
    with publishing(kafka) as publisher:
        publisher.publish(ERASURES, factories.erasure(device_id="dev-9"))
        publisher.flush()
    (row,) = run("replay", "--topic", OTA_ACKS.name)
    assert row["outcome"] == "ERASED"
    assert len(partition_two(kafka)) == 2


def test_letters_must_be_chosen_and_must_exist(kafka: KafkaSettings) -> None:
    assert fleetloop("dead-letters", "replay").exit_code == 2
    publish(kafka, letter(0, GOOD))
    result = fleetloop("dead-letters", "replay", "nosuch")
    assert result.exit_code == 3
    assert "no dead letter nosuch" in result.stderr
