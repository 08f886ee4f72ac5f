-- Rollups that add up say what they hold: the highest offset by topic id and partition. After a crash
-- the sink asks them, since a server without replication may forget the token of a part it has, or
-- remember that of one it has not. Rollups of maxima and sets need none: added twice is added once.
-- Views are made anew, never altered: an altered view gives its blocks other tokens after a restart of
-- the server. Stop the sinks before this: between DROP and CREATE inserts would miss the rollup.

ALTER TABLE latency_minutes ADD COLUMN IF NOT EXISTS `_offsets` SimpleAggregateFunction(maxMap, Map(String, Int64)) CODEC(ZSTD(1)) COMMENT 'Highest offset held, by topic id and partition: tells after a crash what was added.';

ALTER TABLE edge_case_days ADD COLUMN IF NOT EXISTS `_offsets` SimpleAggregateFunction(maxMap, Map(String, Int64)) CODEC(ZSTD(1)) COMMENT 'Highest offset held, by topic id and partition: tells after a crash what was added.';

DROP VIEW IF EXISTS latency_minutes_view SYNC;

CREATE MATERIALIZED VIEW IF NOT EXISTS latency_minutes_view TO latency_minutes AS
WITH sumMap(
        arrayMap(
            place -> toInt32(floor((latency_offset + place - 1) / exp2(latency_scale - scale))),
            arrayFilter((place, n) -> n > 0, arrayEnumerate(latency_counts), latency_counts)
        ),
        arrayMap(n -> toInt64(n), arrayFilter(n -> n > 0, latency_counts))
    ) AS merged
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
    CAST((merged.1, merged.2), 'Map(Int32, Int64)') AS counts,
    sum(toInt64(round(ifNull(energy_j, 0) * 1000))) AS energy_mj,
    sumIf(toInt64(inference_events.produced), energy_j IS NOT NULL) AS energy_results,
    sum(toInt64(round(ifNull(distance_m, 0) * 1000))) AS distance_mm,
    arrayReduce(
        'quantilesTDigestWeightedState(0.5, 0.95, 0.99)',
        arrayPushBack(arrayMap(bucket -> deadline_us * exp2((bucket + 1) / exp2(scale)), merged.1), 0.),
        arrayPushBack(arrayMap(n -> toUInt64(n), merged.2), toUInt64(zero_count))
    ) AS latency_us,
    maxMap(map(concat(_topic_id, '/', toString(_partition)), _offset)) AS _offsets
FROM inference_events
GROUP BY release_id, hardware, region, minute, deadline_us, scale, ingested_on;

DROP VIEW IF EXISTS edge_case_days_view SYNC;

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
    sum(edge_cases.uplink_bytes) AS uplink_bytes,
    maxMap(map(concat(_topic_id, '/', toString(_partition)), _offset)) AS _offsets
FROM edge_cases
GROUP BY day, `trigger`, release_id, hardware, light, ingested_on;
