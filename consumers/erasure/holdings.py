"""What ClickHouse holds of erased devices: counted, accounted for, deleted for good."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from consumers.clickhouse.client import Native
from consumers.clickhouse.forgetting import PLACES
from consumers.erasure.conditions import (
    ENCOUNTER_DEVICE,
    HOLDINGS,
    MENTIONING,
    ROLLUPS,
    any_of,
    is_one_of,
    literal,
    mentions,
    without_mentions,
)
from consumers.erasure.mutations import rewrite
from schemas.erasures import Erased

Batch = Sequence[Erased]

# The sums are still there, and how far they reach is the sink's to say.
_NOTHING_SUMMED: Final = "toInt64(0) AS uplink_bytes, CAST(map(), 'Map(String, Int64)') AS _offsets"
_ENCOUNTERS: Final = "finalizeAggregation(encounters)"


class Holdings:
    """Every step may be repeated, by the same process or the next; raises as `Native.execute`.

    Args:
        client: Connection to the database.
        stopping: Whether to wait no longer for ClickHouse.
    """

    def __init__(self, client: Native, stopping: Callable[[], bool]) -> None:
        self._client = client
        self._stopping = stopping

    def left(self, batch: Batch) -> Mapping[str, int]:
        """Rows that fall under the erasures, and rows that mention their devices, by table."""
        conditions = {each.table: each.covered(batch) for each in HOLDINGS}
        mentioned = {table: mentions(table, batch) for table in MENTIONING}
        found = {
            table: self._one(f"SELECT count() FROM {table} WHERE {condition}")
            for table, condition in (conditions | mentioned).items()
        }
        return {table: count for table, count in found.items() if count}

    def account_for(self, batch: Batch) -> None:
        """Write the places of all rows before any goes, so that no range ever lacks them."""
        for holding in HOLDINGS:
            for erased in batch:
                for origin in holding.origins:
                    self._client.execute(
                        f"INSERT INTO {PLACES.table} "
                        "(topic, topic_id, partition, offset, erasure_id) "
                        f"SELECT {origin}, {literal(erased.erasure_id)} "
                        f"FROM {holding.table} WHERE {holding.covered([erased])}"
                    )

    def pictures(self, batch: Batch) -> set[str]:
        """Digests of the pictures that their edge cases show."""
        return self._digests(any_of(batch, "device_id", "_ingested_at"))

    def shown_by_others(self, batch: Batch, digests: Sequence[str]) -> set[str]:
        """Those of the digests that a row shows which is not covered."""
        names = ", ".join(literal(digest) for digest in digests) or "''"
        covered = any_of(batch, "device_id", "_ingested_at")
        return self._digests(f"frame_digest IN ({names}) AND NOT ({covered})")

    def came_back(self, erased: Erased) -> bool:
        """Whether the device has registered after its erasure."""
        newest = self._one(
            "SELECT toUnixTimestamp64Micro(max(_ingested_at)) FROM devices "
            f"WHERE {is_one_of([erased], 'device_id')}"
        )
        return newest > erased.until_us

    def delete(self, batch: Batch, tables: Sequence[str]) -> None:
        """Rows and mentions in some tables; none of their parts holds them any more."""
        rows = {
            each.table: f"DELETE WHERE {each.covered(batch)}"
            for each in HOLDINGS
            if each.table in tables
        }
        mentioned = {
            table: f"UPDATE {without_mentions(table, batch)} WHERE {mentions(table, batch)}"
            for table in MENTIONING
            if table in tables
        }
        rewrite(self._client, rows | mentioned, self._stopping)

    def delete_from_rollups(self, batch: Batch) -> None:
        """What rollups know of the devices goes; what their later records say comes back.

        Their own later records are summed up again by the rollup's own view. States are sets,
        minima and maxima, so that a row which the view adds meanwhile counts once.
        """
        encounter = is_one_of(batch, ENCOUNTER_DEVICE.format("e"))
        forget_encounters = (
            "UPDATE encounters = arrayReduce('groupUniqArrayState', "
            f"arrayFilter(e -> NOT ({encounter}), {_ENCOUNTERS})) "
            f"WHERE arrayExists(e -> {encounter}, {_ENCOUNTERS})"
        )
        rows = {each.table: f"DELETE WHERE {is_one_of(batch, each.device)}" for each in ROLLUPS}
        rewrite(self._client, rows | {"edge_case_days": forget_encounters}, self._stopping)
        for rollup in ROLLUPS:
            for view, source in rollup.views.items():
                self._sum_again(rollup.table, view, source, batch, "*")
        days = ("edge_case_days", "edge_case_days_view", "edge_cases")
        self._sum_again(*days, batch, f"* REPLACE ({_NOTHING_SUMMED})")

    def _sum_again(self, table: str, view: str, source: str, batch: Batch, what: str) -> None:
        ((select, database),) = self._client.execute(
            "SELECT as_select, database FROM system.tables "
            "WHERE database = currentDatabase() AND name = {view:String}",
            {"view": view},
        )
        _, names = self._client.query(f"SELECT * FROM ({select}) LIMIT 0")
        only = is_one_of(batch, "device_id").replace("'", "''")
        self._client.execute(
            f"INSERT INTO {table} ({', '.join(f'`{name}`' for name in names)}) "
            f"SELECT {what} FROM ({select}) "
            f"SETTINGS additional_table_filters = {{'{database}.{source}': '{only}'}}"
        )

    def _digests(self, condition: str) -> set[str]:
        rows = self._client.execute(
            f"SELECT DISTINCT frame_digest FROM edge_cases WHERE {condition}"
        )
        return {str(digest) for (digest,) in rows}

    def _one(self, statement: str) -> int:
        ((value,),) = self._client.execute(statement)
        return int(value)
