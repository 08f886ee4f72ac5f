-- What could not be used; a letter published twice is one row, by its event_id.

CREATE TABLE IF NOT EXISTS dead_letters
(
    `event_id` String CODEC(ZSTD(1)) COMMENT 'Identity of the record; deterministic where it is derived.',
    `source` LowCardinality(String) COMMENT 'live, simulated, or replay:<data set>.',
    `topic` LowCardinality(String) COMMENT 'Original topic.',
    `topic_id` LowCardinality(String) COMMENT 'Identity of the original topic.',
    `partition` Int32 CODEC(ZSTD(1)) COMMENT 'Original partition.',
    `offset` Int64 CODEC(ZSTD(1)) COMMENT 'Original offset.',
    `ts` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'Original broker stamp, UTC microseconds.',
    `schema_id` Nullable(Int64) CODEC(ZSTD(1)) COMMENT 'Schema id in the wire header, where there is one.',
    `key` Nullable(String) CODEC(ZSTD(1)) COMMENT 'Original key.',
    `headers` Map(String, String) CODEC(ZSTD(1)) COMMENT 'Original headers.',
    `body` String CODEC(ZSTD(1)) COMMENT 'Original value.',
    `stage` LowCardinality(String) COMMENT 'Who refused it.',
    `error_class` LowCardinality(String) COMMENT 'Kind of refusal.',
    `field` LowCardinality(Nullable(String)) COMMENT 'Field at fault.',
    `reason` String CODEC(ZSTD(1)) COMMENT 'Value and rule, in one sentence.',
    `code_version` LowCardinality(String) COMMENT 'Version of the code that refused it.',
    `attempt` Int32 CODEC(ZSTD(1)) COMMENT 'How often it was tried, from 1.',
    `_topic_id` LowCardinality(String) COMMENT 'Identity of the topic the row was read from.',
    `_partition` Int32 COMMENT 'Partition the row was read from.',
    `_offset` Int64 CODEC(Delta, ZSTD(1)) COMMENT 'Offset the row was read from.',
    `_ingested_at` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'Stamp of the broker (ingest time), UTC.'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(_ingested_at)
ORDER BY (topic, event_id)
TTL toDateTime(_ingested_at) + INTERVAL 400 DAY
SETTINGS non_replicated_deduplication_window = 10000;
