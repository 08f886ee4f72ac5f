"""Migrations on a real ClickHouse: columns as the schemas say, applied once, failures named."""

import pytest

from consumers.clickhouse.client import native
from consumers.clickhouse.layout import columns, table_name
from infra.clickhouse import migrate
from infra.settings import ClickHouseSettings
from schemas.registry import FileRegistry
from schemas.topics import TOPICS

pytestmark = pytest.mark.engine

REGISTRY = FileRegistry()


def test_every_column_has_the_type_and_the_unit_of_its_schema(
    database: ClickHouseSettings,
) -> None:
    migrate.apply(database)
    with native(database) as client:
        rows = client.execute(
            "SELECT table, name, type, comment FROM system.columns "
            "WHERE database = {database:String}",
            {"database": database.database},
        )
    found = {(table, name): (kind, comment) for table, name, kind, comment in rows}
    for topic in TOPICS:
        for column in columns(REGISTRY.schema(REGISTRY.schema_id(topic))):
            there = found[table_name(topic), column.name]
            assert there == (column.type, column.comment), (topic, column.name)
    untold = [place for place, (_, comment) in found.items() if not comment]
    assert all(table.endswith("_view") for table, _ in untold)


def test_applying_again_changes_nothing_and_a_changed_file_is_named(
    database: ClickHouseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(migrate.pending(database)) == len(migrate.stored())
    assert len(migrate.apply(database)) == len(migrate.stored())
    assert migrate.apply(database) == ()
    assert migrate.pending(database) == ()
    first, *others = migrate.stored()
    changed = migrate.Migration(first.number, first.name, first.text + "-- more\n")
    monkeypatch.setattr(migrate, "stored", lambda: (changed, *others))
    with pytest.raises(migrate.MigrationError, match=f"{first.name} was changed after"):
        migrate.apply(database)


def test_a_statement_that_fails_is_named_and_can_be_applied_again(
    database: ClickHouseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = "CREATE TABLE IF NOT EXISTS a (x Int8) ENGINE = Memory;\n"
    broken = migrate.Migration(1, "0001_a.sql", good + "CREATE TABLE b (x Nope) ENGINE = Memory;\n")
    monkeypatch.setattr(migrate, "stored", lambda: (broken,))
    with pytest.raises(migrate.MigrationError, match=r"0001_a\.sql, CREATE TABLE b.*Nope"):
        migrate.apply(database)
    mended = migrate.Migration(1, "0001_a.sql", good)
    monkeypatch.setattr(migrate, "stored", lambda: (mended,))
    assert migrate.apply(database) == (mended,)
