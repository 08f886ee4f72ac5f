"""Private columns are emptied before their rows go; an erasure reaches every table of devices."""

import pytest

from consumers.clickhouse.client import native
from consumers.erasure.conditions import HOLDINGS, MENTIONING, ROLLUPS
from infra.clickhouse import migrate
from infra.settings import ClickHouseSettings

pytestmark = pytest.mark.engine

# Says which devices were erased; hashes in states that only count.
EVIDENCE = {("erasures", "device_id"), ("erasure_steps", "device_id")}


@pytest.mark.parametrize(
    ("table", "column", "value", "days"),
    [
        ("edge_cases", "context_place_cell", "'cell'", 30),
        ("edge_cases", "frame_uri", "'file://x'", 90),
        ("label_requests", "frames", "['file://x']", 90),
        ("disengagements", "context_uri", "'file://x'", 90),
    ],
)
def test_a_private_column_is_emptied_by_a_merge_and_its_row_stays(
    database: ClickHouseSettings, table: str, column: str, value: str, days: int
) -> None:
    migrate.apply(database)
    with native(database) as client:
        client.execute(f"SYSTEM STOP MERGES {database.database}.{table}")
        client.execute(
            f"INSERT INTO {table} (`{column}`, event_id, _offset, _ingested_at) "  # noqa: S608 - names of this test
            f"SELECT {value}, toString(age), age, now64(6) - INTERVAL age DAY "
            f"FROM (SELECT arrayJoin([{days - 1}, {days + 1}]) AS age)"
        )
        client.execute(f"SYSTEM START MERGES {database.database}.{table}")
        client.execute(f"OPTIMIZE TABLE {table} FINAL")
        rows = client.execute(
            f"SELECT _offset, notEmpty(ifNull(`{column}`, {value[0]}{value[-1]})) "  # noqa: S608 - as above
            f"FROM {table} ORDER BY _offset"
        )
    assert rows == [(days - 1, 1), (days + 1, 0)]


def test_every_column_that_names_a_device_is_reached_by_an_erasure(
    database: ClickHouseSettings,
) -> None:
    """Whoever adds such a column to a table says in `consumers/erasure/conditions.py` how."""
    migrate.apply(database)
    with native(database) as client:
        named = client.execute(
            "SELECT table, name FROM system.columns WHERE database = currentDatabase() "
            "AND (name LIKE '%device_id%' OR type LIKE '%device_id%' "
            "OR name LIKE '%encounter%' AND type NOT LIKE '%Int%') "  # a count names nobody
            "AND table NOT LIKE '%\\\\_view'"
        )
    reached = {
        *(holding.table for holding in HOLDINGS),
        *(rollup.table for rollup in ROLLUPS),
        *MENTIONING,
        "edge_case_days",
    }
    assert {(table, name) for table, name in named if table not in reached} == EVIDENCE
