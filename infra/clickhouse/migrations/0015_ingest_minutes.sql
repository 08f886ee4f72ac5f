-- What is stored of each partition by minute of ingest, inference_events included, is counted in the
-- tables themselves, and in large ones by a projection: it lies in the part whose rows it counts, so
-- that no torn or repeated insert, merge or deletion can part the two. That takes the place of eighteen
-- views into a table of sums, which were right only while tokens were remembered. Parts from before
-- are counted row by row; `ALTER TABLE ... MATERIALIZE PROJECTION ingest_minutes` ends that.
-- `stored_minutes` is now the one place that puts together what the tables hold, what the sink refused
-- and what was erased. A processor's letter is about a record that is also stored, so only the sink's
-- count. An erased offset belongs to the minute of the offset before it that is still there.

DROP VIEW IF EXISTS stored_minutes_devices_view;
DROP VIEW IF EXISTS stored_minutes_model_releases_view;
DROP VIEW IF EXISTS stored_minutes_rollout_commands_view;
DROP VIEW IF EXISTS stored_minutes_ota_acks_view;
DROP VIEW IF EXISTS stored_minutes_edge_cases_view;
DROP VIEW IF EXISTS stored_minutes_disengagements_view;
DROP VIEW IF EXISTS stored_minutes_label_requests_view;
DROP VIEW IF EXISTS stored_minutes_label_reviews_view;
DROP VIEW IF EXISTS stored_minutes_dataset_manifests_view;
DROP VIEW IF EXISTS stored_minutes_slo_partials_view;
DROP VIEW IF EXISTS stored_minutes_rollout_partials_view;
DROP VIEW IF EXISTS stored_minutes_alerts_view;
DROP VIEW IF EXISTS stored_minutes_alert_controls_view;
DROP VIEW IF EXISTS stored_minutes_collection_campaigns_view;
DROP VIEW IF EXISTS stored_minutes_erasures_view;
DROP VIEW IF EXISTS stored_minutes_incidents_view;
DROP VIEW IF EXISTS stored_minutes_dead_letters_view;
DROP VIEW IF EXISTS stored_minutes_refused_view;

DROP TABLE IF EXISTS stored_minutes;

ALTER TABLE devices MODIFY SETTING deduplicate_merge_projection_mode = 'rebuild', lightweight_mutation_projection_mode = 'rebuild';
ALTER TABLE devices ADD PROJECTION IF NOT EXISTS ingest_minutes (SELECT _topic_id, _partition, toStartOfMinute(_ingested_at), count(), min(_offset), max(_offset) GROUP BY _topic_id, _partition, toStartOfMinute(_ingested_at));

ALTER TABLE ota_acks MODIFY SETTING deduplicate_merge_projection_mode = 'rebuild', lightweight_mutation_projection_mode = 'rebuild';
ALTER TABLE ota_acks ADD PROJECTION IF NOT EXISTS ingest_minutes (SELECT _topic_id, _partition, toStartOfMinute(_ingested_at), count(), min(_offset), max(_offset) GROUP BY _topic_id, _partition, toStartOfMinute(_ingested_at));

ALTER TABLE inference_events MODIFY SETTING deduplicate_merge_projection_mode = 'rebuild', lightweight_mutation_projection_mode = 'rebuild';
ALTER TABLE inference_events ADD PROJECTION IF NOT EXISTS ingest_minutes (SELECT _topic_id, _partition, toStartOfMinute(_ingested_at), count(), min(_offset), max(_offset) GROUP BY _topic_id, _partition, toStartOfMinute(_ingested_at));

ALTER TABLE edge_cases MODIFY SETTING deduplicate_merge_projection_mode = 'rebuild', lightweight_mutation_projection_mode = 'rebuild';
ALTER TABLE edge_cases ADD PROJECTION IF NOT EXISTS ingest_minutes (SELECT _topic_id, _partition, toStartOfMinute(_ingested_at), count(), min(_offset), max(_offset) GROUP BY _topic_id, _partition, toStartOfMinute(_ingested_at));

ALTER TABLE disengagements MODIFY SETTING deduplicate_merge_projection_mode = 'rebuild', lightweight_mutation_projection_mode = 'rebuild';
ALTER TABLE disengagements ADD PROJECTION IF NOT EXISTS ingest_minutes (SELECT _topic_id, _partition, toStartOfMinute(_ingested_at), count(), min(_offset), max(_offset) GROUP BY _topic_id, _partition, toStartOfMinute(_ingested_at));

ALTER TABLE slo_partials MODIFY SETTING deduplicate_merge_projection_mode = 'rebuild', lightweight_mutation_projection_mode = 'rebuild';
ALTER TABLE slo_partials ADD PROJECTION IF NOT EXISTS ingest_minutes (SELECT _topic_id, _partition, toStartOfMinute(_ingested_at), count(), min(_offset), max(_offset) GROUP BY _topic_id, _partition, toStartOfMinute(_ingested_at));

ALTER TABLE rollout_partials MODIFY SETTING deduplicate_merge_projection_mode = 'rebuild', lightweight_mutation_projection_mode = 'rebuild';
ALTER TABLE rollout_partials ADD PROJECTION IF NOT EXISTS ingest_minutes (SELECT _topic_id, _partition, toStartOfMinute(_ingested_at), count(), min(_offset), max(_offset) GROUP BY _topic_id, _partition, toStartOfMinute(_ingested_at));

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

CREATE VIEW IF NOT EXISTS stored_minutes
(
    `topic` String COMMENT 'Topic.',
    `topic_id` String COMMENT 'Identity of the topic.',
    `partition` Int32 COMMENT 'Partition.',
    `minute` DateTime('UTC') COMMENT 'Ingest time: minute of the broker stamps, UTC.',
    `rows` UInt64 COMMENT 'Rows stored.',
    `letters` UInt64 COMMENT 'Records the sink refused; a letter published twice counts once.',
    `erased` UInt64 COMMENT 'Records of erased devices.',
    `first_offset` Int64 COMMENT 'Smallest of those offsets.',
    `last_offset` Int64 COMMENT 'Largest of those offsets.'
)
AS SELECT topic, topic_id, partition, minute, rows, letters, 0 AS erased, first_offset, last_offset FROM table_minutes
UNION ALL
SELECT e.topic AS topic, e.topic_id AS topic_id, e.partition AS partition, m.minute AS minute, 0 AS rows, 0 AS letters, uniqExact(e.offset) AS erased, min(e.offset) AS first_offset, max(e.offset) AS last_offset
FROM erased AS e
ASOF INNER JOIN table_minutes AS m ON m.topic = e.topic AND m.topic_id = e.topic_id AND m.partition = e.partition AND m.first_offset <= e.offset
GROUP BY topic, topic_id, partition, minute;
