-- title: Completeness
-- answers: Whether each table holds each record once, and how fresh it is.
-- unit: rows as stored (no FINAL), different places on the log, different event ids
SELECT topic, rows, places, events, rows - places AS doubled, newest
FROM
(
    SELECT 'devices' AS topic, count() AS rows, uniqExact(_topic_id, _partition, _offset) AS places, uniqExact(event_id) AS events, max(_ingested_at) AS newest FROM devices
    UNION ALL SELECT 'model-releases' AS topic, count() AS rows, uniqExact(_topic_id, _partition, _offset) AS places, uniqExact(event_id) AS events, max(_ingested_at) AS newest FROM model_releases
    UNION ALL SELECT 'rollout-commands' AS topic, count() AS rows, uniqExact(_topic_id, _partition, _offset) AS places, uniqExact(event_id) AS events, max(_ingested_at) AS newest FROM rollout_commands
    UNION ALL SELECT 'ota-acks' AS topic, count() AS rows, uniqExact(_topic_id, _partition, _offset) AS places, uniqExact(event_id) AS events, max(_ingested_at) AS newest FROM ota_acks
    UNION ALL SELECT 'inference-events' AS topic, count() AS rows, uniqExact(_topic_id, _partition, _offset) AS places, uniqExact(event_id) AS events, max(_ingested_at) AS newest FROM inference_events
    UNION ALL SELECT 'edge-cases' AS topic, count() AS rows, uniqExact(_topic_id, _partition, _offset) AS places, uniqExact(event_id) AS events, max(_ingested_at) AS newest FROM edge_cases
    UNION ALL SELECT 'disengagements' AS topic, count() AS rows, uniqExact(_topic_id, _partition, _offset) AS places, uniqExact(event_id) AS events, max(_ingested_at) AS newest FROM disengagements
    UNION ALL SELECT 'label-requests' AS topic, count() AS rows, uniqExact(_topic_id, _partition, _offset) AS places, uniqExact(event_id) AS events, max(_ingested_at) AS newest FROM label_requests
    UNION ALL SELECT 'label-reviews' AS topic, count() AS rows, uniqExact(_topic_id, _partition, _offset) AS places, uniqExact(event_id) AS events, max(_ingested_at) AS newest FROM label_reviews
    UNION ALL SELECT 'dataset-manifests' AS topic, count() AS rows, uniqExact(_topic_id, _partition, _offset) AS places, uniqExact(event_id) AS events, max(_ingested_at) AS newest FROM dataset_manifests
    UNION ALL SELECT 'slo-partials' AS topic, count() AS rows, uniqExact(_topic_id, _partition, _offset) AS places, uniqExact(event_id) AS events, max(_ingested_at) AS newest FROM slo_partials
    UNION ALL SELECT 'rollout-partials' AS topic, count() AS rows, uniqExact(_topic_id, _partition, _offset) AS places, uniqExact(event_id) AS events, max(_ingested_at) AS newest FROM rollout_partials
    UNION ALL SELECT 'alerts' AS topic, count() AS rows, uniqExact(_topic_id, _partition, _offset) AS places, uniqExact(event_id) AS events, max(_ingested_at) AS newest FROM alerts
    UNION ALL SELECT 'alert-controls' AS topic, count() AS rows, uniqExact(_topic_id, _partition, _offset) AS places, uniqExact(event_id) AS events, max(_ingested_at) AS newest FROM alert_controls
    UNION ALL SELECT 'collection-campaigns' AS topic, count() AS rows, uniqExact(_topic_id, _partition, _offset) AS places, uniqExact(event_id) AS events, max(_ingested_at) AS newest FROM collection_campaigns
    UNION ALL SELECT 'erasures' AS topic, count() AS rows, uniqExact(_topic_id, _partition, _offset) AS places, uniqExact(event_id) AS events, max(_ingested_at) AS newest FROM erasures
    UNION ALL SELECT 'incidents' AS topic, count() AS rows, uniqExact(_topic_id, _partition, _offset) AS places, uniqExact(event_id) AS events, max(_ingested_at) AS newest FROM incidents
    UNION ALL SELECT 'dead-letters' AS topic, count() AS rows, uniqExact(_topic_id, _partition, _offset) AS places, uniqExact(event_id) AS events, max(_ingested_at) AS newest FROM dead_letters
)
ORDER BY topic
