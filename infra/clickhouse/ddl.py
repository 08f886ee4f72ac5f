"""The text of a topic's CREATE TABLE; migrations are written with it and tested against it."""

from dataclasses import dataclass
from typing import Final

from consumers.clickhouse.layout import Column, columns, table_name

# Blocks whose tokens a table remembers. 60 s (a lease) hold at most 1,000 blocks: 4 partitions,
# 2 inserts a second each, at most 2 table partitions an insert; ten times that.
DEDUPLICATION_WINDOW: Final = 10_000

_PROVENANCE: Final = """\
    `_topic_id` LowCardinality(String) COMMENT 'Identity of the topic the row was read from.',
    `_partition` Int32 COMMENT 'Partition the row was read from.',
    `_offset` Int64 CODEC(Delta, ZSTD(1)) COMMENT 'Offset the row was read from.',
    `_ingested_at` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)) \
COMMENT 'Stamp of the broker (ingest time), UTC.'"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSpec:
    """What a table has that no schema says.

    Attributes:
        order: Leading columns of ORDER BY: what queries filter by, then event time.
        partition: Partition expression, always of ingest time.
        keep_days: TTL from ingest time; None keeps for ever.
        identity: Sorting key is `order` alone: rows with an equal one are one row.
    """

    order: tuple[str, ...]
    partition: str = "toYYYYMM(_ingested_at)"
    keep_days: int | None = None
    identity: bool = False


_DAILY: Final = "toYYYYMMDD(_ingested_at)"

TABLES: Final = {
    "devices": TableSpec(order=("device_id", "updated_ts")),
    "ota-acks": TableSpec(order=("release_id", "device_id", "device_ts"), keep_days=400),
    "inference-events": TableSpec(
        order=("hardware", "device_id", "window_end"), partition=_DAILY, keep_days=90
    ),
    "edge-cases": TableSpec(order=("device_id", "captured_ts"), keep_days=400),
    "disengagements": TableSpec(order=("device_id", "event_ts"), keep_days=3650),
    "incidents": TableSpec(order=("report_id", "report_version")),
    "model-releases": TableSpec(order=("release_id", "decision_seq")),
    "rollout-commands": TableSpec(order=("release_id", "issued_ts")),
    "rollout-partials": TableSpec(
        order=("release_id", "stratum", "source_partition", "last_offset"), keep_days=400
    ),
    "label-requests": TableSpec(order=("device_id", "asked_ts")),
    "label-reviews": TableSpec(order=("device_id", "reviewed_ts")),
    "dataset-manifests": TableSpec(order=("line", "seq")),
    "collection-campaigns": TableSpec(order=("campaign_id",)),
    "erasures": TableSpec(order=("device_id", "requested_ts")),
    "slo-partials": TableSpec(
        order=("slo", "source_partition", "last_offset"), partition=_DAILY, keep_days=31
    ),
    "drift-partials": TableSpec(
        order=("release_id", "region", "hardware", "ingest_ts"), keep_days=400
    ),
    "alerts": TableSpec(order=("fingerprint", "seq"), keep_days=3650),
    "alert-controls": TableSpec(order=("control_id", "start_ts")),
    "dead-letters": TableSpec(order=("topic", "event_id"), keep_days=400, identity=True),
}


def create_table(topic: str, schema: str) -> str:
    """CREATE TABLE of a topic, from the newest schema (Avro JSON) and its `TableSpec`."""
    spec = TABLES[topic]
    where = () if spec.identity else ("_topic_id", "_partition", "_offset")
    lines = [f"    {column_line(column)}" for column in columns(schema)]
    ttl = (
        f"TTL toDateTime(_ingested_at) + INTERVAL {spec.keep_days} DAY\n" if spec.keep_days else ""
    )
    return (
        f"CREATE TABLE IF NOT EXISTS {table_name(topic)}\n(\n"
        + ",\n".join([*lines, _PROVENANCE])
        + "\n)\nENGINE = ReplacingMergeTree\n"
        + f"PARTITION BY {spec.partition}\n"
        + f"ORDER BY ({', '.join((*spec.order, *where))})\n"
        + ttl
        + f"SETTINGS non_replicated_deduplication_window = {DEDUPLICATION_WINDOW}"
    )


def column_line(column: Column, *, default: str = "") -> str:
    """A column as CREATE and ALTER write it; `default` is an SQL literal."""
    comment = column.comment.replace("\\", "\\\\").replace("'", "\\'")
    told = f" DEFAULT {default}" if default else ""
    return f"`{column.name}` {column.type}{told}{_codec(column.type)} COMMENT '{comment}'"


def _codec(kind: str) -> str:
    """Times rise, embeddings and counts do not: each gets what compresses it."""
    if "LowCardinality" in kind or kind.startswith(("Bool", "Nullable(Bool")):
        return ""
    if "DateTime64" in kind and not kind.startswith("Array"):
        return " CODEC(Delta, ZSTD(1))"
    return " CODEC(ZSTD(1))"
