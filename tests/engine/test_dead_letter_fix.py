"""A table refuses a record, the table is mended, the letter is replayed: one row, however often."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from consumers.clickhouse.client import native
from infra.settings import ClickHouseSettings, KafkaSettings
from infra.stack.supervisor import Supervisor
from infra.stack.tansu import TansuBroker
from schemas.topics import DEAD_LETTERS, OTA_ACKS
from tests import factories
from tests.command_line import fleetloop
from tests.sinks import counted_until, prepare, publishing, running, settings_for

pytestmark = pytest.mark.engine


@pytest.fixture
def kafka(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KafkaSettings]:
    """A broker of the test's own, named by the environment as for the command."""
    with Supervisor(tmp_path) as supervisor:
        broker = TansuBroker(supervisor)
        broker.start()
        monkeypatch.setenv("FLEETLOOP_KAFKA__BOOTSTRAP", broker.settings.bootstrap)
        monkeypatch.setenv("FLEETLOOP_KAFKA__MEMORY_ONLY", "true")
        yield broker.settings


def test_after_the_fix_a_replayed_letter_is_one_row(
    kafka: KafkaSettings, database: ClickHouseSettings
) -> None:
    prepare(kafka, database)
    with native(database) as client, running(settings_for(kafka, database, "fix")):
        client.execute("ALTER TABLE ota_acks ADD CONSTRAINT small CHECK attempt < 5")
        with publishing(kafka) as publisher:
            for attempt in (1, 7):
                ack = factories.ota_ack(event_id=f"attempt-{attempt}", attempt=attempt)
                publisher.publish(OTA_ACKS, ack)
            publisher.flush()
        counted_until(database, lambda counts: counts[DEAD_LETTERS.name].rows >= 1)
        client.execute("ALTER TABLE ota_acks DROP CONSTRAINT small")
        outcomes = []
        for _ in range(2):
            words = ("dead-letters", "replay", "--error-class", "UNWRITABLE", "-o", "json")
            result = fleetloop(*words)
            assert result.exit_code == 0, result.output
            outcomes += [row["outcome"] for row in json.loads(result.stdout)]
        counted_until(database, lambda counts: counts[OTA_ACKS.name].rows >= 2)
        rows = client.execute("SELECT event_id FROM ota_acks ORDER BY event_id")
    assert outcomes == ["SENT", "ALREADY"]
    assert rows == [("attempt-1",), ("attempt-7",)]
