"""The committed migrations say what the schemas say, column by column."""

import pytest

from infra.clickhouse.ddl import TABLES, create_table
from infra.clickhouse.evolution import unwritten
from infra.clickhouse.migrate import stored
from schemas.registry import FileRegistry
from schemas.topics import FOR_EVER, TOPICS

REGISTRY = FileRegistry()
STATEMENTS = [statement for migration in stored() for statement in migration.statements]


@pytest.mark.parametrize("topic", TOPICS)
def test_the_migrations_make_the_table_of_the_first_schema(topic: str) -> None:
    assert create_table(topic, REGISTRY.versions(topic)[0].text) in STATEMENTS


def test_the_migrations_add_what_later_schemas_add() -> None:
    assert unwritten(REGISTRY, STATEMENTS) == ()


def test_every_topic_has_a_table_and_no_other_has() -> None:
    assert set(TABLES) == set(TOPICS)


@pytest.mark.parametrize("topic", TOPICS)
def test_a_table_is_kept_at_least_as_long_as_its_topic(topic: str) -> None:
    days, log_ms = TABLES[topic].keep_days, TOPICS[topic].retention_ms
    assert days is None or (log_ms != FOR_EVER and days * 86_400_000 >= log_ms)


@pytest.mark.parametrize("topic", TOPICS)
def test_partitions_and_ttl_follow_ingest_time_and_the_order_ends_with_the_place(
    topic: str,
) -> None:
    text = create_table(topic, REGISTRY.schema(REGISTRY.schema_id(topic)))
    assert "(_ingested_at)\nORDER BY" in text
    place = "_topic_id, _partition, _offset)\n"
    assert (place in text) != TABLES[topic].identity
