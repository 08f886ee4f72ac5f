-- One row for each episode of an alert. Minima, maxima and the newest by seq: adding the same steps
-- again, whatever repeats them, changes nothing. The window only saves the work.

CREATE TABLE IF NOT EXISTS alert_episodes
(
    `severity` LowCardinality(String) COMMENT 'Who is disturbed.',
    `starts_at` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'Begin of the episode in event time, UTC.',
    `fingerprint` String CODEC(ZSTD(1)) COMMENT 'FNV-1a 64 of the labels, 16 hex digits.',
    `alertname` LowCardinality(String) COMMENT 'Name of the alert.',
    `ingested_on` Date COMMENT 'Ingest time: day of the broker stamps, UTC.',
    `labels` AggregateFunction(argMax, Map(String, String), Int64) COMMENT 'Identity of the alert.',
    `state` AggregateFunction(argMax, String, Int64) COMMENT 'State by its newest step.',
    `reason` AggregateFunction(argMax, String, Int64) COMMENT 'Why, by its newest step.',
    `detected_at` SimpleAggregateFunction(min, DateTime64(6, 'UTC')) COMMENT 'When it was first found, ingest time, UTC.',
    `fired_at` SimpleAggregateFunction(min, Nullable(DateTime64(6, 'UTC'))) COMMENT 'When it first fired, ingest time, UTC; null: never.',
    `resolved_at` SimpleAggregateFunction(max, Nullable(DateTime64(6, 'UTC'))) COMMENT 'When it was resolved, ingest time, UTC; null: not yet.',
    `detection_delay_ms` SimpleAggregateFunction(min, Int64) COMMENT 'First found minus begin, in milliseconds.',
    `flap_count` SimpleAggregateFunction(max, Int32) COMMENT 'Resolutions within an hour, at most.'
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(ingested_on)
ORDER BY (severity, starts_at, fingerprint, alertname, ingested_on)
TTL ingested_on + INTERVAL 3650 DAY
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS alert_episodes_view TO alert_episodes AS
SELECT
    severity,
    starts_at,
    fingerprint,
    alertname,
    toDate(_ingested_at) AS ingested_on,
    argMaxState(alerts.labels, seq) AS labels,
    argMaxState(toString(alerts.state), seq) AS state,
    argMaxState(alerts.reason, seq) AS reason,
    min(alerts.detected_at) AS detected_at,
    minIf(toNullable(evaluated_at), alerts.state = 'FIRING') AS fired_at,
    max(alerts.resolved_at) AS resolved_at,
    min(alerts.detection_delay_ms) AS detection_delay_ms,
    max(alerts.flap_count) AS flap_count
FROM alerts
GROUP BY severity, starts_at, fingerprint, alertname, ingested_on;
