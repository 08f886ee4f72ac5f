-- What releases answer in each place and minute: what drift is judged by.

CREATE TABLE IF NOT EXISTS drift_partials
(
    `event_id` String CODEC(ZSTD(1)) COMMENT 'Identity of the record; deterministic where it is derived.',
    `source` LowCardinality(String) COMMENT 'live, simulated, or replay:<data set>.',
    `kind` LowCardinality(String) COMMENT 'A count or progress.',
    `generation` LowCardinality(String) COMMENT 'Generation of the stage that wrote it.',
    `ingest_ts` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'Ingest time through which the source partition was read, UTC microseconds.',
    `source_partition` Int32 CODEC(ZSTD(1)) COMMENT 'Partition of inference-events counted.',
    `last_offset` Int64 CODEC(ZSTD(1)) COMMENT 'Last offset included.',
    `release_id` LowCardinality(String) COMMENT 'Release that answered; empty for PROGRESS.',
    `region` LowCardinality(String) COMMENT 'Region of the devices; empty for PROGRESS.',
    `hardware` LowCardinality(String) COMMENT 'Hardware generation of the devices; empty for PROGRESS.',
    `bucket_start` Nullable(DateTime64(6, 'UTC')) CODEC(Delta, ZSTD(1)) COMMENT 'Begin of the minute of ingest time, UTC microseconds.',
    `windows` Int64 CODEC(ZSTD(1)) COMMENT 'Reporting windows counted.',
    `frames` Int64 CODEC(ZSTD(1)) COMMENT 'Frames answered in them.',
    `confidence` Array(Int64) CODEC(ZSTD(1)) COMMENT 'Frames by top-1 confidence, ten bins; empty for PROGRESS.',
    `classes` Array(Int64) CODEC(ZSTD(1)) COMMENT 'Frames by top-1 class; empty for PROGRESS.',
    `flips` Int64 CODEC(ZSTD(1)) COMMENT 'How often the top-1 class changed inside an encounter.',
    `_topic_id` LowCardinality(String) COMMENT 'Identity of the topic the row was read from.',
    `_partition` Int32 COMMENT 'Partition the row was read from.',
    `_offset` Int64 CODEC(Delta, ZSTD(1)) COMMENT 'Offset the row was read from.',
    `_ingested_at` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'Stamp of the broker (ingest time), UTC.'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(_ingested_at)
ORDER BY (release_id, region, hardware, ingest_ts, _topic_id, _partition, _offset)
TTL toDateTime(_ingested_at) + INTERVAL 400 DAY
SETTINGS non_replicated_deduplication_window = 10000;

ALTER TABLE drift_partials MODIFY SETTING deduplicate_merge_projection_mode = 'rebuild', lightweight_mutation_projection_mode = 'rebuild';
ALTER TABLE drift_partials ADD PROJECTION IF NOT EXISTS ingest_minutes (SELECT _topic_id, _partition, toStartOfMinute(_ingested_at), count(), min(_offset), max(_offset) GROUP BY _topic_id, _partition, toStartOfMinute(_ingested_at));

DROP VIEW IF EXISTS table_minutes;
CREATE VIEW IF NOT EXISTS table_minutes
(
    `topic` String COMMENT 'Topic.',
    `topic_id` String COMMENT 'Identity of the topic.',
    `partition` Int32 COMMENT 'Partition.',
    `minute` DateTime('UTC') COMMENT 'Ingest time: minute of the broker stamps, UTC.',
    `rows` UInt64 COMMENT 'Rows stored.',
    `letters` UInt64 COMMENT 'Records the sink refused; a letter published twice counts once.',
    `first_offset` Int64 COMMENT 'Smallest of those offsets.',
    `last_offset` Int64 COMMENT 'Largest of those offsets.'
)
AS SELECT 'devices' AS topic, _topic_id AS topic_id, _partition AS partition, toStartOfMinute(_ingested_at) AS minute, count() AS rows, 0 AS letters, min(_offset) AS first_offset, max(_offset) AS last_offset FROM devices GROUP BY topic_id, partition, minute
UNION ALL
SELECT 'model-releases' AS topic, _topic_id AS topic_id, _partition AS partition, toStartOfMinute(_ingested_at) AS minute, count() AS rows, 0 AS letters, min(_offset) AS first_offset, max(_offset) AS last_offset FROM model_releases GROUP BY topic_id, partition, minute
UNION ALL
SELECT 'rollout-commands' AS topic, _topic_id AS topic_id, _partition AS partition, toStartOfMinute(_ingested_at) AS minute, count() AS rows, 0 AS letters, min(_offset) AS first_offset, max(_offset) AS last_offset FROM rollout_commands GROUP BY topic_id, partition, minute
UNION ALL
SELECT 'ota-acks' AS topic, _topic_id AS topic_id, _partition AS partition, toStartOfMinute(_ingested_at) AS minute, count() AS rows, 0 AS letters, min(_offset) AS first_offset, max(_offset) AS last_offset FROM ota_acks GROUP BY topic_id, partition, minute
UNION ALL
SELECT 'inference-events' AS topic, _topic_id AS topic_id, _partition AS partition, toStartOfMinute(_ingested_at) AS minute, count() AS rows, 0 AS letters, min(_offset) AS first_offset, max(_offset) AS last_offset FROM inference_events GROUP BY topic_id, partition, minute
UNION ALL
SELECT 'edge-cases' AS topic, _topic_id AS topic_id, _partition AS partition, toStartOfMinute(_ingested_at) AS minute, count() AS rows, 0 AS letters, min(_offset) AS first_offset, max(_offset) AS last_offset FROM edge_cases GROUP BY topic_id, partition, minute
UNION ALL
SELECT 'disengagements' AS topic, _topic_id AS topic_id, _partition AS partition, toStartOfMinute(_ingested_at) AS minute, count() AS rows, 0 AS letters, min(_offset) AS first_offset, max(_offset) AS last_offset FROM disengagements GROUP BY topic_id, partition, minute
UNION ALL
SELECT 'label-requests' AS topic, _topic_id AS topic_id, _partition AS partition, toStartOfMinute(_ingested_at) AS minute, count() AS rows, 0 AS letters, min(_offset) AS first_offset, max(_offset) AS last_offset FROM label_requests GROUP BY topic_id, partition, minute
UNION ALL
SELECT 'label-reviews' AS topic, _topic_id AS topic_id, _partition AS partition, toStartOfMinute(_ingested_at) AS minute, count() AS rows, 0 AS letters, min(_offset) AS first_offset, max(_offset) AS last_offset FROM label_reviews GROUP BY topic_id, partition, minute
UNION ALL
SELECT 'dataset-manifests' AS topic, _topic_id AS topic_id, _partition AS partition, toStartOfMinute(_ingested_at) AS minute, count() AS rows, 0 AS letters, min(_offset) AS first_offset, max(_offset) AS last_offset FROM dataset_manifests GROUP BY topic_id, partition, minute
UNION ALL
SELECT 'slo-partials' AS topic, _topic_id AS topic_id, _partition AS partition, toStartOfMinute(_ingested_at) AS minute, count() AS rows, 0 AS letters, min(_offset) AS first_offset, max(_offset) AS last_offset FROM slo_partials GROUP BY topic_id, partition, minute
UNION ALL
SELECT 'rollout-partials' AS topic, _topic_id AS topic_id, _partition AS partition, toStartOfMinute(_ingested_at) AS minute, count() AS rows, 0 AS letters, min(_offset) AS first_offset, max(_offset) AS last_offset FROM rollout_partials GROUP BY topic_id, partition, minute
UNION ALL
SELECT 'drift-partials' AS topic, _topic_id AS topic_id, _partition AS partition, toStartOfMinute(_ingested_at) AS minute, count() AS rows, 0 AS letters, min(_offset) AS first_offset, max(_offset) AS last_offset FROM drift_partials GROUP BY topic_id, partition, minute
UNION ALL
SELECT 'alerts' AS topic, _topic_id AS topic_id, _partition AS partition, toStartOfMinute(_ingested_at) AS minute, count() AS rows, 0 AS letters, min(_offset) AS first_offset, max(_offset) AS last_offset FROM alerts GROUP BY topic_id, partition, minute
UNION ALL
SELECT 'alert-controls' AS topic, _topic_id AS topic_id, _partition AS partition, toStartOfMinute(_ingested_at) AS minute, count() AS rows, 0 AS letters, min(_offset) AS first_offset, max(_offset) AS last_offset FROM alert_controls GROUP BY topic_id, partition, minute
UNION ALL
SELECT 'collection-campaigns' AS topic, _topic_id AS topic_id, _partition AS partition, toStartOfMinute(_ingested_at) AS minute, count() AS rows, 0 AS letters, min(_offset) AS first_offset, max(_offset) AS last_offset FROM collection_campaigns GROUP BY topic_id, partition, minute
UNION ALL
SELECT 'erasures' AS topic, _topic_id AS topic_id, _partition AS partition, toStartOfMinute(_ingested_at) AS minute, count() AS rows, 0 AS letters, min(_offset) AS first_offset, max(_offset) AS last_offset FROM erasures GROUP BY topic_id, partition, minute
UNION ALL
SELECT 'incidents' AS topic, _topic_id AS topic_id, _partition AS partition, toStartOfMinute(_ingested_at) AS minute, count() AS rows, 0 AS letters, min(_offset) AS first_offset, max(_offset) AS last_offset FROM incidents GROUP BY topic_id, partition, minute
UNION ALL
SELECT 'dead-letters' AS topic, _topic_id AS topic_id, _partition AS partition, toStartOfMinute(_ingested_at) AS minute, count() AS rows, 0 AS letters, min(_offset) AS first_offset, max(_offset) AS last_offset FROM dead_letters GROUP BY topic_id, partition, minute
UNION ALL
SELECT d.topic AS topic, d.topic_id AS topic_id, d.partition AS partition, toStartOfMinute(d.ts) AS minute, 0 AS rows, uniqExact(d.event_id) AS letters, min(d.offset) AS first_offset, max(d.offset) AS last_offset FROM dead_letters AS d WHERE d.stage = 'sink' GROUP BY topic, topic_id, partition, minute;
