"""Which offsets ClickHouse holds of a topic, as runs; counted as stored, without FINAL."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from consumers.clickhouse.client import Native
from consumers.clickhouse.completeness import Run
from consumers.clickhouse.forgetting import PLACES
from consumers.clickhouse.layout import table_name
from consumers.clickhouse.ranges import Range
from infra.kafka.dead_letters import SINK_STAGE

# Offsets that are looked at closely at a time: it bounds the memory ClickHouse needs.
SLICE: Final = 1 << 20
_DAY_S: Final = 86_400

_PLACES: Final = """
(SELECT topic_id AS _topic_id, partition AS _partition, offset AS _offset
FROM {table} WHERE topic = {{topic:String}} AND {condition})"""
# Only the sink's letters stand for a record: a processor's is about one that is stored too.
_LETTERS: Final = _PLACES.format(table="dead_letters", condition=f"stage = '{SINK_STAGE}'")
_ERASED: Final = _PLACES.format(table=PLACES.table, condition="true")
_SLICES: Final = """
SELECT _topic_id, _partition, count() AS rows, groupBitmap(toUInt64(_offset)) AS different,
    min(_offset) AS first, max(_offset) AS last
FROM {source} GROUP BY _topic_id, _partition, intDiv(_offset, {slice})
ORDER BY _topic_id, _partition, first"""
# Offsets with the same number of rows that follow each other differ alike from their row number.
_RUNS: Final = """
SELECT min(place) AS first, max(place) AS last, copies
FROM
(
    SELECT place, copies,
        place - toInt64(row_number() OVER (PARTITION BY copies ORDER BY place)) AS island
    FROM
    (
        SELECT _offset AS place, count() AS copies FROM {source}
        WHERE _topic_id = {{topic_id:String}} AND _partition = {{partition:Int32}}
            AND _offset BETWEEN {{first:Int64}} AND {{last:Int64}}
        GROUP BY place
    )
)
GROUP BY copies, island ORDER BY first"""
_TTL_DAYS: Final = r"TTL toDateTime\\(_ingested_at\\) \\+ toIntervalDay\\((\\d+)\\)"
_KEPT_SINCE: Final = f"""
SELECT toUnixTimestamp(now()), toUInt32OrNull(extract(engine_full, '{_TTL_DAYS}'))
FROM system.tables WHERE database = currentDatabase() AND name = {{table:String}}"""  # noqa: S608 - one of our constants


@dataclass(frozen=True, slots=True)
class Stored:
    """What one topic's table holds.

    Attributes:
        runs: Runs of the topic as it is now, rising, by partition.
        others: Rows of other topics of the same name, by topic id.
    """

    runs: Mapping[int, tuple[Run, ...]]
    others: Mapping[str, int]


def rows(client: Native, topic: str, topic_id: str) -> Stored:
    """Rows of a topic's table. Raises as `Native.execute`."""
    return _stored(client, table_name(topic), topic_id, {})


def letters(client: Native, topic: str, topic_id: str) -> Stored:
    """Records of a topic that are dead letters of the sink; one published twice has two copies."""
    return _stored(client, _LETTERS, topic_id, {"topic": topic})


def erased(client: Native, topic: str, topic_id: str) -> Stored:
    """Records of a topic whose device was erased; one accounted for twice has two copies."""
    return _stored(client, _ERASED, topic_id, {"topic": topic})


def kept_since_us(client: Native, topic: str) -> int:
    """Ingest time (UTC microseconds) of the oldest rows that the table's TTL keeps; 0: it has none.

    Kafka keeps a record until its whole segment is old, so longer than a TTL of the same days.
    """
    ((now, days),) = client.execute(_KEPT_SINCE, {"table": table_name(topic)})
    return (int(now) - int(days) * _DAY_S) * 1_000_000 if days is not None else 0


def _stored(client: Native, source: str, topic_id: str, params: Mapping[str, Any]) -> Stored:
    found: dict[int, list[Run]] = {}
    others: dict[str, int] = {}
    slices = client.execute(_SLICES.format(source=source, slice=SLICE), params)
    for identity, partition, count, different, first, last in slices:
        if identity != topic_id:
            others[identity] = others.get(identity, 0) + count
        elif count == different == last - first + 1:
            found.setdefault(partition, []).append(Run(Range(first, last)))
        else:
            place = {"topic_id": topic_id, "partition": partition, "first": first, "last": last}
            runs = client.execute(_RUNS.format(source=source), {**params, **place})
            found.setdefault(partition, []).extend(_runs(runs))
    return Stored({partition: tuple(runs) for partition, runs in found.items()}, others)


def _runs(answer: Iterable[tuple[Any, ...]]) -> Iterable[Run]:
    return (Run(Range(first, last), copies) for first, last, copies in answer)
