-- What was collected and what people made of it. Cases and encounters are sets of ids, the columns of
-- encounter_answers are maxima and sets: exact whatever is repeated. Bytes are sums, exact under a
-- repeated insert: the view passes its token on and the window of the table remembers it.

CREATE TABLE IF NOT EXISTS edge_case_days
(
    `day` Date COMMENT 'Event time: day the frame was taken, UTC.',
    `trigger` LowCardinality(String) COMMENT 'Why it was kept.',
    `release_id` LowCardinality(String) COMMENT 'Release that was running; empty where none is known.',
    `hardware` LowCardinality(String) COMMENT 'Hardware generation of the catalogue.',
    `light` LowCardinality(String) COMMENT 'DAY or NIGHT; empty where unknown.',
    `ingested_on` Date COMMENT 'Ingest time: day of the broker stamps, UTC.',
    `cases` AggregateFunction(uniqExact, String) COMMENT 'Event ids of edge cases.',
    `encounters` AggregateFunction(groupUniqArray, String) COMMENT 'Encounters they stand for.',
    `devices` AggregateFunction(uniqExact, String) COMMENT 'Devices that sent them.',
    `uplink_bytes` SimpleAggregateFunction(sum, Int64) COMMENT 'Bytes devices spent on them.'
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(ingested_on)
ORDER BY (day, `trigger`, release_id, hardware, light, ingested_on)
TTL ingested_on + INTERVAL 400 DAY
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS edge_case_days_view TO edge_case_days AS
SELECT
    toDate(captured_ts, 'UTC') AS day,
    `trigger`,
    ifNull(release_id, '') AS release_id,
    hardware,
    upper(ifNull(context_light, '')) AS light,
    toDate(_ingested_at) AS ingested_on,
    uniqExactState(event_id) AS cases,
    groupUniqArrayState(encounter_id) AS encounters,
    uniqExactState(device_id) AS devices,
    sum(edge_cases.uplink_bytes) AS uplink_bytes
FROM edge_cases
GROUP BY day, `trigger`, release_id, hardware, light, ingested_on;

CREATE TABLE IF NOT EXISTS encounter_answers
(
    `encounter_id` String CODEC(ZSTD(1)) COMMENT 'Encounter asked about.',
    `ingested_on` Date COMMENT 'Ingest time: day of the broker stamps, UTC.',
    `budget_line` SimpleAggregateFunction(max, String) COMMENT 'Who pays; empty until asked.',
    `asked_at` SimpleAggregateFunction(max, Nullable(DateTime64(6, 'UTC'))) COMMENT 'When it was asked, UTC; null: not yet.',
    `answered_at` SimpleAggregateFunction(max, Nullable(DateTime64(6, 'UTC'))) COMMENT 'When it was answered, UTC; null: not yet.',
    `labels` SimpleAggregateFunction(groupUniqArrayArray, Array(String)) COMMENT 'Answers given, SKIP among them.',
    `answers` AggregateFunction(groupUniqArray, Tuple(String, Float64)) COMMENT 'Event id and seconds spent of each answer.'
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(ingested_on)
ORDER BY (encounter_id, ingested_on)
SETTINGS non_replicated_deduplication_window = 20000;

CREATE MATERIALIZED VIEW IF NOT EXISTS encounter_answers_asked_view TO encounter_answers AS
SELECT
    encounter_id,
    toDate(_ingested_at) AS ingested_on,
    max(toString(label_requests.budget_line)) AS budget_line,
    max(toNullable(asked_ts)) AS asked_at
FROM label_requests
GROUP BY encounter_id, ingested_on;

CREATE MATERIALIZED VIEW IF NOT EXISTS encounter_answers_given_view TO encounter_answers AS
SELECT
    encounter_id,
    toDate(_ingested_at) AS ingested_on,
    max(toNullable(reviewed_ts)) AS answered_at,
    groupUniqArray(toString(label)) AS labels,
    groupUniqArrayState((event_id, seconds_spent)) AS answers
FROM label_reviews
GROUP BY encounter_id, ingested_on;
