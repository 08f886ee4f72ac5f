-- What is stored of each partition, by minute of ingest, and what the sink refused of it: together
-- every offset read. Rows and bounds come under the insert's token, so that a repeated insert adds
-- nothing, and a row stored twice under two tokens shows as one too many. All tables share the window,
-- so it is as long as theirs together. Letters are a set of ids: one published twice counts once. A
-- processor's letter is about a record that is also stored, so only the sink's count here. Rows of
-- inference_events have no view here: queries count them in their table, see docs/analytics.md.

CREATE TABLE IF NOT EXISTS stored_minutes
(
    `topic` LowCardinality(String) COMMENT 'Topic.',
    `topic_id` LowCardinality(String) COMMENT 'Identity of the topic.',
    `partition` Int32 COMMENT 'Partition.',
    `minute` DateTime('UTC') COMMENT 'Ingest time: minute of the broker stamps, UTC.',
    `rows` SimpleAggregateFunction(sum, UInt64) COMMENT 'Rows stored.',
    `letters` AggregateFunction(uniqExact, String) COMMENT 'Event ids of the letters of the sink about it.',
    `first_offset` SimpleAggregateFunction(min, Int64) COMMENT 'Smallest offset stored or refused.',
    `last_offset` SimpleAggregateFunction(max, Int64) COMMENT 'Largest offset stored or refused.'
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(minute)
ORDER BY (topic, topic_id, partition, minute)
TTL minute + INTERVAL 400 DAY
SETTINGS non_replicated_deduplication_window = 200000;

CREATE MATERIALIZED VIEW IF NOT EXISTS stored_minutes_devices_view TO stored_minutes AS
SELECT 'devices' AS topic, _topic_id AS topic_id, _partition AS partition, toStartOfMinute(toDateTime(_ingested_at, 'UTC')) AS minute, count() AS rows, min(_offset) AS first_offset, max(_offset) AS last_offset
FROM devices GROUP BY topic_id, partition, minute;

CREATE MATERIALIZED VIEW IF NOT EXISTS stored_minutes_model_releases_view TO stored_minutes AS
SELECT 'model-releases' AS topic, _topic_id AS topic_id, _partition AS partition, toStartOfMinute(toDateTime(_ingested_at, 'UTC')) AS minute, count() AS rows, min(_offset) AS first_offset, max(_offset) AS last_offset
FROM model_releases GROUP BY topic_id, partition, minute;

CREATE MATERIALIZED VIEW IF NOT EXISTS stored_minutes_rollout_commands_view TO stored_minutes AS
SELECT 'rollout-commands' AS topic, _topic_id AS topic_id, _partition AS partition, toStartOfMinute(toDateTime(_ingested_at, 'UTC')) AS minute, count() AS rows, min(_offset) AS first_offset, max(_offset) AS last_offset
FROM rollout_commands GROUP BY topic_id, partition, minute;

CREATE MATERIALIZED VIEW IF NOT EXISTS stored_minutes_ota_acks_view TO stored_minutes AS
SELECT 'ota-acks' AS topic, _topic_id AS topic_id, _partition AS partition, toStartOfMinute(toDateTime(_ingested_at, 'UTC')) AS minute, count() AS rows, min(_offset) AS first_offset, max(_offset) AS last_offset
FROM ota_acks GROUP BY topic_id, partition, minute;

CREATE MATERIALIZED VIEW IF NOT EXISTS stored_minutes_edge_cases_view TO stored_minutes AS
SELECT 'edge-cases' AS topic, _topic_id AS topic_id, _partition AS partition, toStartOfMinute(toDateTime(_ingested_at, 'UTC')) AS minute, count() AS rows, min(_offset) AS first_offset, max(_offset) AS last_offset
FROM edge_cases GROUP BY topic_id, partition, minute;

CREATE MATERIALIZED VIEW IF NOT EXISTS stored_minutes_disengagements_view TO stored_minutes AS
SELECT 'disengagements' AS topic, _topic_id AS topic_id, _partition AS partition, toStartOfMinute(toDateTime(_ingested_at, 'UTC')) AS minute, count() AS rows, min(_offset) AS first_offset, max(_offset) AS last_offset
FROM disengagements GROUP BY topic_id, partition, minute;

CREATE MATERIALIZED VIEW IF NOT EXISTS stored_minutes_label_requests_view TO stored_minutes AS
SELECT 'label-requests' AS topic, _topic_id AS topic_id, _partition AS partition, toStartOfMinute(toDateTime(_ingested_at, 'UTC')) AS minute, count() AS rows, min(_offset) AS first_offset, max(_offset) AS last_offset
FROM label_requests GROUP BY topic_id, partition, minute;

CREATE MATERIALIZED VIEW IF NOT EXISTS stored_minutes_label_reviews_view TO stored_minutes AS
SELECT 'label-reviews' AS topic, _topic_id AS topic_id, _partition AS partition, toStartOfMinute(toDateTime(_ingested_at, 'UTC')) AS minute, count() AS rows, min(_offset) AS first_offset, max(_offset) AS last_offset
FROM label_reviews GROUP BY topic_id, partition, minute;

CREATE MATERIALIZED VIEW IF NOT EXISTS stored_minutes_dataset_manifests_view TO stored_minutes AS
SELECT 'dataset-manifests' AS topic, _topic_id AS topic_id, _partition AS partition, toStartOfMinute(toDateTime(_ingested_at, 'UTC')) AS minute, count() AS rows, min(_offset) AS first_offset, max(_offset) AS last_offset
FROM dataset_manifests GROUP BY topic_id, partition, minute;

CREATE MATERIALIZED VIEW IF NOT EXISTS stored_minutes_slo_partials_view TO stored_minutes AS
SELECT 'slo-partials' AS topic, _topic_id AS topic_id, _partition AS partition, toStartOfMinute(toDateTime(_ingested_at, 'UTC')) AS minute, count() AS rows, min(_offset) AS first_offset, max(_offset) AS last_offset
FROM slo_partials GROUP BY topic_id, partition, minute;

CREATE MATERIALIZED VIEW IF NOT EXISTS stored_minutes_rollout_partials_view TO stored_minutes AS
SELECT 'rollout-partials' AS topic, _topic_id AS topic_id, _partition AS partition, toStartOfMinute(toDateTime(_ingested_at, 'UTC')) AS minute, count() AS rows, min(_offset) AS first_offset, max(_offset) AS last_offset
FROM rollout_partials GROUP BY topic_id, partition, minute;

CREATE MATERIALIZED VIEW IF NOT EXISTS stored_minutes_alerts_view TO stored_minutes AS
SELECT 'alerts' AS topic, _topic_id AS topic_id, _partition AS partition, toStartOfMinute(toDateTime(_ingested_at, 'UTC')) AS minute, count() AS rows, min(_offset) AS first_offset, max(_offset) AS last_offset
FROM alerts GROUP BY topic_id, partition, minute;

CREATE MATERIALIZED VIEW IF NOT EXISTS stored_minutes_alert_controls_view TO stored_minutes AS
SELECT 'alert-controls' AS topic, _topic_id AS topic_id, _partition AS partition, toStartOfMinute(toDateTime(_ingested_at, 'UTC')) AS minute, count() AS rows, min(_offset) AS first_offset, max(_offset) AS last_offset
FROM alert_controls GROUP BY topic_id, partition, minute;

CREATE MATERIALIZED VIEW IF NOT EXISTS stored_minutes_collection_campaigns_view TO stored_minutes AS
SELECT 'collection-campaigns' AS topic, _topic_id AS topic_id, _partition AS partition, toStartOfMinute(toDateTime(_ingested_at, 'UTC')) AS minute, count() AS rows, min(_offset) AS first_offset, max(_offset) AS last_offset
FROM collection_campaigns GROUP BY topic_id, partition, minute;

CREATE MATERIALIZED VIEW IF NOT EXISTS stored_minutes_erasures_view TO stored_minutes AS
SELECT 'erasures' AS topic, _topic_id AS topic_id, _partition AS partition, toStartOfMinute(toDateTime(_ingested_at, 'UTC')) AS minute, count() AS rows, min(_offset) AS first_offset, max(_offset) AS last_offset
FROM erasures GROUP BY topic_id, partition, minute;

CREATE MATERIALIZED VIEW IF NOT EXISTS stored_minutes_incidents_view TO stored_minutes AS
SELECT 'incidents' AS topic, _topic_id AS topic_id, _partition AS partition, toStartOfMinute(toDateTime(_ingested_at, 'UTC')) AS minute, count() AS rows, min(_offset) AS first_offset, max(_offset) AS last_offset
FROM incidents GROUP BY topic_id, partition, minute;

CREATE MATERIALIZED VIEW IF NOT EXISTS stored_minutes_dead_letters_view TO stored_minutes AS
SELECT 'dead-letters' AS topic, _topic_id AS topic_id, _partition AS partition, toStartOfMinute(toDateTime(_ingested_at, 'UTC')) AS minute, count() AS rows, min(_offset) AS first_offset, max(_offset) AS last_offset
FROM dead_letters GROUP BY topic_id, partition, minute;

CREATE MATERIALIZED VIEW IF NOT EXISTS stored_minutes_refused_view TO stored_minutes AS
SELECT d.topic AS topic, d.topic_id AS topic_id, d.partition AS partition, toStartOfMinute(toDateTime(d.ts, 'UTC')) AS minute, uniqExactState(d.event_id) AS letters, min(d.offset) AS first_offset, max(d.offset) AS last_offset
FROM dead_letters AS d WHERE d.stage = 'sink' GROUP BY topic, topic_id, partition, minute;
