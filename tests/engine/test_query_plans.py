"""What each named query reads, by the engine's own plan, where tables have many granules."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from consumers.clickhouse.client import Native, native
from consumers.clickhouse.layout import table_name
from consumers.clickhouse.server import Server
from infra.clickhouse import migrate
from infra.clickhouse.queries import named, stored
from infra.settings import ClickHouseSettings
from schemas.topics import TOPICS
from tests.fleet_story import GIVEN, store, story

pytestmark = pytest.mark.engine

COPIES = 60
LARGE = {
    *("devices", "ota_acks", "inference_events", "edge_cases", "slo_partials"),
    *("rollout_partials", "disengagements"),
}
"""Tables that grow with the fleet."""
TEXT = {"String", "LowCardinality(String)", "LowCardinality(Nullable(String))"}
NARROW = {**GIVEN, "hours": "2"}
"""One fact of many, as an analyst asks; every value narrows what must be read."""


@pytest.fixture(scope="module")
def crowd(clickhouse: ClickHouseSettings) -> Iterator[ClickHouseSettings]:
    """The story among sixty like it, of other devices, releases and days, in granules of eight."""
    own = clickhouse.model_copy(update={"database": "query_plans"})
    with pytest.MonkeyPatch.context() as patch:
        small = tuple(_in_small_granules(migration) for migration in migrate.stored())
        patch.setattr(migrate, "stored", lambda: small)
        migrate.apply(own)
    server = Server(own)
    with native(own) as client:
        for topic, told in story().items():
            store(server, TOPICS[topic], told)
            _multiply(client, table_name(topic))
        for (table,) in client.execute(
            "SELECT name FROM system.tables "
            "WHERE database = {database:String} AND engine LIKE '%MergeTree'",
            {"database": own.database},
        ):
            client.execute(f"OPTIMIZE TABLE {table} FINAL")
    server.close()
    yield own
    with native(clickhouse, database="default") as client:
        client.execute("DROP DATABASE query_plans SYNC")


def _in_small_granules(migration: migrate.Migration) -> migrate.Migration:
    text = re.sub(
        r"(SETTINGS non_replicated_deduplication_window = \d+)",
        r"\1, index_granularity = 8",
        migration.text,
    )
    return migrate.Migration(migration.number, migration.name, text)


def _multiply(client: Native, table: str) -> None:
    """Insert every row again and again, each time of another device, release and day."""
    columns = client.execute(
        "SELECT name, type, is_in_sorting_key FROM system.columns "
        "WHERE database = currentDatabase() AND table = {table:String}",
        {"table": table},
    )
    parts = [_shifted(name, kind, key=bool(key)) for name, kind, key in columns]
    client.execute(
        f"INSERT INTO {table} SELECT {', '.join(parts)} "  # noqa: S608 - our own tables
        f"FROM {table} AS told CROSS JOIN numbers(1, {COPIES}) AS copy"
    )


def _shifted(name: str, kind: str, *, key: bool) -> str:
    if name == "_offset":
        return "told._offset + 1000 * number"
    if name == "hardware":
        return "if(number % 2 = 1, 'HW4', told.hardware)"
    if kind.startswith("DateTime64"):
        return f"told.{name} - toIntervalDay(number)"
    if name not in {"topic", "_topic_id"} and (key or "String" in kind) and kind in TEXT:
        return f"concat(toString(number), '-', told.`{name}`)"
    return f"told.`{name}`"


def _reads(client: Native, name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What the plan of a query reads: a table or a projection, and the node that reads it."""
    query = named(name)
    given = {p.name: NARROW[p.name] for p in query.params if p.name in NARROW}
    ((text,),) = client.execute(f"EXPLAIN json = 1, indexes = 1 {query.sql}", query.bind(given))

    def walk(node: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        if node["Node Type"] == "ReadFromMergeTree" and "Indexes" in node:
            yield node["Description"].rpartition(".")[2], node
        for child in node.get("Plans", ()):
            yield from walk(child)

    yield from walk(json.loads(text)[0]["Plan"])


@pytest.mark.parametrize("name", stored())
def test_a_query_reads_what_its_key_points_at_or_says_that_it_reads_all(
    crowd: ClickHouseSettings, name: str
) -> None:
    query = named(name)
    with native(crowd) as client:
        reads = list(_reads(client, name))
    if set(query.tables) & {"stored_minutes", "table_minutes"}:
        assert not {table for table, _ in reads} & LARGE, "large tables are read by projection"
        assert any(node["Indexes"][-1]["Condition"] != "true" for _, node in reads)
        return
    assert {table for table, _ in reads} <= set(query.tables)
    for table, node in reads:
        if table in query.whole:
            assert table not in LARGE
            continue
        steps = node["Indexes"]
        assert steps[-1]["Type"] == "PrimaryKey"
        assert steps[-1]["Condition"] != "true", (table, steps)
        assert steps[-1]["Selected Granules"] < steps[0]["Initial Granules"] >= 8, (table, steps)
