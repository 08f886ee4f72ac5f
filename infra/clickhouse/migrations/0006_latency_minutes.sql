-- Latency by release, hardware and minute. Each insert adds its sums once, retries included: the
-- view passes the insert's deduplication token on to this table, whose window remembers it.

CREATE TABLE IF NOT EXISTS latency_minutes
(
    `release_id` LowCardinality(String) COMMENT 'Release that was running; empty where none is known.',
    `hardware` LowCardinality(String) COMMENT 'Hardware generation of the catalogue.',
    `minute` DateTime('UTC') COMMENT 'Event time: minute in which the reporting window ended, UTC.',
    `deadline_us` Int64 COMMENT 'Deadline of one inference in microseconds.',
    `scale` Int32 COMMENT 'Resolution of counts: bucket i covers (base^i, base^(i+1)], base = 2^(2^-scale).',
    `ingested_on` Date COMMENT 'Ingest time: day of the broker stamps, UTC.',
    `windows` SimpleAggregateFunction(sum, UInt64) COMMENT 'Reporting windows.',
    `expected` SimpleAggregateFunction(sum, Int64) COMMENT 'Frames that were due.',
    `produced` SimpleAggregateFunction(sum, Int64) COMMENT 'Results delivered.',
    `warmup` SimpleAggregateFunction(sum, Int64) COMMENT 'Results not to be judged.',
    `late` SimpleAggregateFunction(sum, Int64) COMMENT 'Judged results above the deadline.',
    `sum_us` SimpleAggregateFunction(sum, Int64) COMMENT 'Sum of latencies in microseconds.',
    `max_us` SimpleAggregateFunction(max, Int64) COMMENT 'Largest latency in microseconds.',
    `zero_count` SimpleAggregateFunction(sum, Int64) COMMENT 'Results whose latency/deadline counted as zero.',
    `counts` SimpleAggregateFunction(sumMap, Map(Int32, Int64)) COMMENT 'Judged results by bucket of latency/deadline.'
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(ingested_on)
ORDER BY (release_id, hardware, minute, deadline_us, scale, ingested_on)
TTL ingested_on + INTERVAL 400 DAY
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS latency_minutes_view TO latency_minutes AS
SELECT
    ifNull(release_id, '') AS release_id,
    hardware,
    toStartOfMinute(toDateTime(window_end, 'UTC')) AS minute,
    deadline_us,
    latency_scale AS scale,
    toDate(_ingested_at) AS ingested_on,
    count() AS windows,
    sum(toInt64(inference_events.expected)) AS expected,
    sum(toInt64(inference_events.produced)) AS produced,
    sum(toInt64(inference_events.warmup)) AS warmup,
    sum(toInt64(inference_events.late)) AS late,
    sum(latency_sum_us) AS sum_us,
    max(latency_max_us) AS max_us,
    sum(toInt64(latency_zero_count)) AS zero_count,
    sumMap(mapFromArrays(
        arrayMap(i -> toInt32(latency_offset + i - 1), arrayEnumerate(latency_counts)),
        arrayMap(n -> toInt64(n), latency_counts)
    )) AS counts
FROM inference_events
GROUP BY release_id, hardware, minute, deadline_us, scale, ingested_on;
