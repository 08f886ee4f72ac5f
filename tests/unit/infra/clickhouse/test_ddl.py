"""The committed migrations say what the schemas say, column by column."""

import re

import pytest

from infra.clickhouse.ddl import TABLES, create_table
from infra.clickhouse.migrate import stored
from schemas.registry import FileRegistry
from schemas.topics import FOR_EVER, TOPICS

REGISTRY = FileRegistry()
ADDED = re.compile(r"ALTER TABLE (\w+) ADD COLUMN IF NOT EXISTS (.+) AFTER (`\w+`)")


def _made() -> set[str]:
    """The CREATE TABLE texts of the migrations, each with the columns that later ones add."""
    made: dict[str, str] = {}
    for statement in (one for migration in stored() for one in migration.statements):
        if named := re.match(r"CREATE TABLE IF NOT EXISTS (\w+)", statement):
            made[named[1]] = statement
        elif added := ADDED.fullmatch(statement):
            table, column, before = added.groups()
            text, count = re.subn(
                rf"(    {before} .*\n)", rf"\g<1>    {column},\n", made[table], count=1
            )
            assert count == 1, statement
            made[table] = text
    return set(made.values())


@pytest.mark.parametrize("topic", TOPICS)
def test_the_migrations_make_the_table_of_the_newest_schema(topic: str) -> None:
    assert create_table(topic, REGISTRY.schema(REGISTRY.schema_id(topic))) in _made()


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
