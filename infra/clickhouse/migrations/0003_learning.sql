-- Questions, answers, datasets, campaigns and erasures.

CREATE TABLE IF NOT EXISTS label_requests
(
    `event_id` String CODEC(ZSTD(1)) COMMENT 'Identity of the record; deterministic where it is derived.',
    `source` LowCardinality(String) COMMENT 'live, simulated, or replay:<data set>.',
    `device_id` String CODEC(ZSTD(1)) COMMENT 'Device that saw the encounter.',
    `ask_id` String CODEC(ZSTD(1)) COMMENT 'ASK record the request belongs to.',
    `edge_case_id` String CODEC(ZSTD(1)) COMMENT 'Edge case that stands for the encounter.',
    `encounter_id` String CODEC(ZSTD(1)) COMMENT 'Encounter to be labelled.',
    `frames` Array(String) CODEC(ZSTD(1)) COMMENT 'Object-store addresses of the pictures.',
    `budget_line` LowCardinality(String) COMMENT 'Who pays.',
    `priority` Float64 CODEC(ZSTD(1)) COMMENT 'Higher first; no unit.',
    `asked_ts` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'When, UTC microseconds.',
    `_topic_id` LowCardinality(String) COMMENT 'Identity of the topic the row was read from.',
    `_partition` Int32 COMMENT 'Partition the row was read from.',
    `_offset` Int64 CODEC(Delta, ZSTD(1)) COMMENT 'Offset the row was read from.',
    `_ingested_at` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'Stamp of the broker (ingest time), UTC.'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(_ingested_at)
ORDER BY (device_id, asked_ts, _topic_id, _partition, _offset)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS label_reviews
(
    `event_id` String CODEC(ZSTD(1)) COMMENT 'Identity of the record; deterministic where it is derived.',
    `source` LowCardinality(String) COMMENT 'live, simulated, or replay:<data set>.',
    `device_id` String CODEC(ZSTD(1)) COMMENT 'Device that saw the encounter.',
    `edge_case_id` String CODEC(ZSTD(1)) COMMENT 'Edge case that was shown.',
    `encounter_id` String CODEC(ZSTD(1)) COMMENT 'Encounter that is labelled.',
    `reviewer` LowCardinality(String) COMMENT 'Who answered.',
    `label` LowCardinality(String) COMMENT 'Class name, or SKIP.',
    `seconds_spent` Float64 CODEC(ZSTD(1)) COMMENT 'Time taken in seconds.',
    `reviewed_ts` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'When, UTC microseconds.',
    `guideline_version` LowCardinality(String) COMMENT 'Version of the labelling guideline.',
    `_topic_id` LowCardinality(String) COMMENT 'Identity of the topic the row was read from.',
    `_partition` Int32 COMMENT 'Partition the row was read from.',
    `_offset` Int64 CODEC(Delta, ZSTD(1)) COMMENT 'Offset the row was read from.',
    `_ingested_at` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'Stamp of the broker (ingest time), UTC.'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(_ingested_at)
ORDER BY (device_id, reviewed_ts, _topic_id, _partition, _offset)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS dataset_manifests
(
    `event_id` String CODEC(ZSTD(1)) COMMENT 'Identity of the record; deterministic where it is derived.',
    `source` LowCardinality(String) COMMENT 'live, simulated, or replay:<data set>.',
    `kind` LowCardinality(String) COMMENT 'What this record is.',
    `line` LowCardinality(String) COMMENT 'Dataset line, a series of datasets for one purpose.',
    `dataset_id` String CODEC(ZSTD(1)) COMMENT 'The dataset, or the ASK it begins with.',
    `seq` Int64 CODEC(ZSTD(1)) COMMENT 'Place in the line, from 0.',
    `parent` Nullable(String) CODEC(ZSTD(1)) COMMENT 'Dataset it continues.',
    `manifest_uri` Nullable(String) CODEC(ZSTD(1)) COMMENT 'Object-store address of the manifest; set when ASSEMBLED.',
    `manifest_digest` Nullable(String) CODEC(ZSTD(1)) COMMENT 'SHA-256 of the manifest, hex; set when ASSEMBLED.',
    `counts` Map(String, Int64) CODEC(ZSTD(1)) COMMENT 'Examples by split/class.',
    `label_cost` Int64 CODEC(ZSTD(1)) COMMENT 'Labels paid so far in the line.',
    `budget` Int64 CODEC(ZSTD(1)) COMMENT 'Labels that may be paid in the line.',
    `slices` Map(String, Int64) CODEC(ZSTD(1)) COMMENT 'Examples by slice.',
    `excluded` Map(String, Int64) CODEC(ZSTD(1)) COMMENT 'Examples left out, by reason.',
    `leakage_audit_checked` Nullable(Int64) CODEC(ZSTD(1)) COMMENT 'Pairs of related examples checked.',
    `leakage_audit_violations` Nullable(Int64) CODEC(ZSTD(1)) COMMENT 'Pairs found on different sides; 0 in a valid manifest.',
    `inputs` Array(Tuple(topic String, topic_id String, partition Int32, first_offset Int64, last_offset Int64)) CODEC(ZSTD(1)) COMMENT 'Offset ranges read.',
    `assembled_ts` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'When, UTC microseconds.',
    `_topic_id` LowCardinality(String) COMMENT 'Identity of the topic the row was read from.',
    `_partition` Int32 COMMENT 'Partition the row was read from.',
    `_offset` Int64 CODEC(Delta, ZSTD(1)) COMMENT 'Offset the row was read from.',
    `_ingested_at` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'Stamp of the broker (ingest time), UTC.'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(_ingested_at)
ORDER BY (line, seq, _topic_id, _partition, _offset)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS collection_campaigns
(
    `event_id` String CODEC(ZSTD(1)) COMMENT 'Identity of the record; deterministic where it is derived.',
    `source` LowCardinality(String) COMMENT 'live, simulated, or replay:<data set>.',
    `campaign_id` LowCardinality(String) COMMENT 'Identity of the campaign.',
    `predicate` String CODEC(ZSTD(1)) COMMENT 'Condition on the device\'s signals.',
    `share` Float64 CODEC(ZSTD(1)) COMMENT 'Share of the fleet, in [0, 1].',
    `salt` String CODEC(ZSTD(1)) COMMENT 'Salt of membership.',
    `quota` Int64 CODEC(ZSTD(1)) COMMENT 'Edge cases wanted in all.',
    `expires_ts` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'Until when, UTC microseconds.',
    `uplink_bytes_limit` Int64 CODEC(ZSTD(1)) COMMENT 'Bytes a device may spend on it.',
    `_topic_id` LowCardinality(String) COMMENT 'Identity of the topic the row was read from.',
    `_partition` Int32 COMMENT 'Partition the row was read from.',
    `_offset` Int64 CODEC(Delta, ZSTD(1)) COMMENT 'Offset the row was read from.',
    `_ingested_at` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'Stamp of the broker (ingest time), UTC.'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(_ingested_at)
ORDER BY (campaign_id, _topic_id, _partition, _offset)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS erasures
(
    `event_id` String CODEC(ZSTD(1)) COMMENT 'Identity of the record; deterministic where it is derived.',
    `source` LowCardinality(String) COMMENT 'live, simulated, or replay:<data set>.',
    `device_id` String CODEC(ZSTD(1)) COMMENT 'The device.',
    `requested_ts` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'When, UTC microseconds.',
    `by` String CODEC(ZSTD(1)) COMMENT 'Who asked.',
    `reason` String CODEC(ZSTD(1)) COMMENT 'Why.',
    `_topic_id` LowCardinality(String) COMMENT 'Identity of the topic the row was read from.',
    `_partition` Int32 COMMENT 'Partition the row was read from.',
    `_offset` Int64 CODEC(Delta, ZSTD(1)) COMMENT 'Offset the row was read from.',
    `_ingested_at` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'Stamp of the broker (ingest time), UTC.'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(_ingested_at)
ORDER BY (device_id, requested_ts, _topic_id, _partition, _offset)
SETTINGS non_replicated_deduplication_window = 10000;
