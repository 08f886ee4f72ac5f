"""Records of topics from their ClickHouse tables, put together from the columns again."""

from collections.abc import Iterator, Sequence
from typing import Final

from consumers.clickhouse.client import Native
from consumers.clickhouse.layout import table_name
from infra.traces.rows import Rows, micros
from schemas.facts import Fact
from schemas.topics import TopicSpec

_LOG: Final = "SELECT argMax(_topic_id, _ingested_at) FROM {table}"
_PARTITIONS: Final = """
SELECT DISTINCT _partition FROM {table} WHERE _topic_id = {{log:String}} ORDER BY _partition"""
_RECORDS: Final = """
SELECT _offset, _ingested_at, {columns} FROM {table}
WHERE _topic_id = {{log:String}} AND _partition = {{partition:Int32}}
    AND _ingested_at >= fromUnixTimestamp64Micro({{since:Int64}}, 'UTC')
ORDER BY _offset LIMIT 1 BY _offset"""


class StoredStore:
    """What the tables hold of the newest log of each topic.

    Raises as `Native.stream`.

    Attributes:
        unreadable: None: what cannot be decoded is no row.
    """

    unreadable = 0

    def __init__(self, client: Native) -> None:
        self._client = client
        self._logs: dict[str, str] = {}

    def partitions(self, topic: TopicSpec) -> Sequence[int]:
        """Those that have rows."""
        table = table_name(topic.name)
        rows = self._client.execute(_PARTITIONS.format(table=table), {"log": self._log(table)})
        return [partition for (partition,) in rows]

    def read(self, topic: TopicSpec, partition: int, since_us: int = 0) -> Iterator[Fact]:
        """Records stamped then or later, by offset."""
        table, rows = table_name(topic.name), Rows(topic)
        named = ", ".join(f"`{name}`" for name in rows.names)
        params = {"log": self._log(table), "partition": partition, "since": since_us}
        for offset, stamp, *values in self._client.stream(
            _RECORDS.format(table=table, columns=named), params
        ):
            yield Fact(
                topic=topic.name,
                partition=partition,
                offset=offset,
                stamp_us=micros(stamp),
                record=rows.record(values),
            )

    def _log(self, table: str) -> str:
        if table not in self._logs:
            ((identity,),) = self._client.execute(_LOG.format(table=table))
            self._logs[table] = str(identity)
        return self._logs[table]
