"""A data set replayed onto a real log by the command: a second run adds nothing."""

from pathlib import Path

import pytest

from infra.kafka.admin import Admin
from infra.kafka.ranges import RangeReader
from infra.settings import KafkaSettings
from infra.topics import apply_all
from schemas.codec import Codec
from schemas.registry import FileRegistry
from schemas.topics import DEAD_LETTERS, DISENGAGEMENTS
from tests.command_line import fleetloop
from tests.unit.producers.replay.replay_kit import dmv_row, write_dmv

pytestmark = pytest.mark.engine


def sent(broker: KafkaSettings) -> list[str]:
    reader, codec = RangeReader(broker), Codec(FileRegistry())
    messages = reader.read(reader.held({DISENGAGEMENTS.name, DEAD_LETTERS.name}))
    records = [codec.decode(message.topic, message.value) for message in messages]
    return sorted(one.event_id for one in records if one.source == "replay:dmv")


def test_a_set_reaches_its_topic_once(
    broker: KafkaSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEETLOOP_KAFKA__BOOTSTRAP", broker.bootstrap)
    monkeypatch.setenv("FLEETLOOP_KAFKA__MEMORY_ONLY", str(broker.memory_only))
    monkeypatch.setenv("FLEETLOOP_OBJECTS_URL", (tmp_path / "objects").as_uri())
    apply_all(Admin(broker))
    rows = [dmv_row(vin=f"REPLAYED{at % 3}") for at in range(50)]
    folder = write_dmv(tmp_path / "dmv", {2021: [*rows, [" "] * 9]})
    words = ("replay", "dmv", "--data", str(folder), "--to", "topics")
    first = fleetloop(*words)
    assert first.exit_code == 0, first.output
    assert "50 disengagement replayed" in first.stderr
    assert "12 mileage left out: no topic takes it" in first.stderr
    held = sent(broker)
    assert len(held) == len(set(held)) == 51
    second = fleetloop(*words)
    assert second.exit_code == 0, second.output
    assert "50 disengagement there before" in second.stderr
    assert sent(broker) == held
