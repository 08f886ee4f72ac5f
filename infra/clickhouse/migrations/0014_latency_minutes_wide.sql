-- latency_minutes also holds distance, energy and quantile states: everything the minutes of
-- inference_events are asked for stands behind one view, so that an insert is added by one more
-- insert or by none. Distance and energy are whole millimetres and millijoules: their sums do not
-- depend on the order of adding. Only counted buckets are added up, most of a histogram is empty.
-- Rows from before have no distance, no energy and no quantile state.

ALTER TABLE latency_minutes
    ADD COLUMN IF NOT EXISTS `energy_mj` SimpleAggregateFunction(sum, Int64) COMMENT 'Energy told, in millijoules.',
    ADD COLUMN IF NOT EXISTS `energy_results` SimpleAggregateFunction(sum, Int64) COMMENT 'Results delivered in windows that told their energy.',
    ADD COLUMN IF NOT EXISTS `distance_mm` SimpleAggregateFunction(sum, Int64) COMMENT 'Distance driven, in millimetres.',
    ADD COLUMN IF NOT EXISTS `latency_us` AggregateFunction(quantilesTDigestWeighted(0.5, 0.95, 0.99), Float64, UInt64) COMMENT 'Latency of judged results in microseconds, from the upper edges of their buckets.';

ALTER TABLE latency_minutes_view MODIFY QUERY
SELECT
    ifNull(release_id, '') AS release_id,
    hardware,
    region,
    toStartOfMinute(toDateTime(window_end, 'UTC')) AS minute,
    deadline_us,
    least(latency_scale, 5) AS scale,
    toDate(_ingested_at) AS ingested_on,
    count() AS windows,
    sum(toInt64(inference_events.expected)) AS expected,
    sum(toInt64(inference_events.produced)) AS produced,
    sum(toInt64(inference_events.warmup)) AS warmup,
    sum(toInt64(inference_events.late)) AS late,
    sum(latency_sum_us) AS sum_us,
    max(latency_max_us) AS max_us,
    sum(toInt64(latency_zero_count)) AS zero_count,
    sumMap(
        arrayMap(
            place -> toInt32(floor((latency_offset + place - 1) / exp2(latency_scale - scale))),
            arrayFilter((place, n) -> n > 0, arrayEnumerate(latency_counts), latency_counts)
        ),
        arrayMap(n -> toInt64(n), arrayFilter(n -> n > 0, latency_counts))
    ) AS merged,
    CAST((merged.1, merged.2), 'Map(Int32, Int64)') AS counts,
    sum(toInt64(round(ifNull(energy_j, 0) * 1000))) AS energy_mj,
    sumIf(toInt64(inference_events.produced), energy_j IS NOT NULL) AS energy_results,
    sum(toInt64(round(ifNull(distance_m, 0) * 1000))) AS distance_mm,
    arrayReduce(
        'quantilesTDigestWeightedState(0.5, 0.95, 0.99)',
        arrayPushBack(arrayMap(bucket -> deadline_us * exp2((bucket + 1) / exp2(scale)), merged.1), 0.),
        arrayPushBack(arrayMap(n -> toUInt64(n), merged.2), toUInt64(zero_count))
    ) AS latency_us
FROM inference_events
GROUP BY release_id, hardware, region, minute, deadline_us, scale, ingested_on;

CREATE TABLE IF NOT EXISTS disengagement_minutes
(
    `release_id` LowCardinality(String) COMMENT 'Release that was running; empty where none is known.',
    `hardware` LowCardinality(String) COMMENT 'Hardware generation of the catalogue.',
    `region` LowCardinality(String) COMMENT 'Region of the catalogue.',
    `minute` DateTime('UTC') COMMENT 'Event time: minute of the disengagement, UTC.',
    `cause` LowCardinality(String) COMMENT 'Cause as a code; empty where unknown.',
    `ingested_on` Date COMMENT 'Ingest time: day of the broker stamps, UTC.',
    `events` AggregateFunction(uniqExact, String) COMMENT 'Event ids, as a set: one that is sent twice is one.'
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(ingested_on)
ORDER BY (release_id, hardware, minute, region, cause, ingested_on)
TTL ingested_on + INTERVAL 3650 DAY
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS disengagement_minutes_view TO disengagement_minutes AS
SELECT
    ifNull(release_id, '') AS release_id,
    hardware,
    region,
    toStartOfMinute(toDateTime(event_ts, 'UTC')) AS minute,
    ifNull(disengagements.cause, '') AS cause,
    toDate(_ingested_at) AS ingested_on,
    uniqExactState(event_id) AS events
FROM disengagements
GROUP BY release_id, hardware, region, minute, cause, ingested_on;
