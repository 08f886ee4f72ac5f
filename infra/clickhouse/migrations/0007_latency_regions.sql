-- latency_minutes also by region, and all histograms of scale 5 or finer at scale 5, so that they
-- merge by adding counts: bucket i at scale s lies whole in bucket floor(i / 2^(s-5)) at scale 5, and
-- the deadline stays an edge. A coarser one keeps its scale. Sums, exact as 0006 says: the table's
-- window remembers the token that the view passes on. Rows from before have no region.

ALTER TABLE latency_minutes ADD COLUMN IF NOT EXISTS `region` LowCardinality(String) COMMENT 'Region of the catalogue; empty before migration 0007.' AFTER `hardware`,
    MODIFY ORDER BY (release_id, hardware, minute, deadline_us, scale, ingested_on, region);

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
            i -> toInt32(floor((latency_offset + i - 1) / exp2(latency_scale - scale))),
            arrayEnumerate(latency_counts)
        ),
        arrayMap(n -> toInt64(n), latency_counts)
    ) AS merged,
    CAST((merged.1, merged.2), 'Map(Int32, Int64)') AS counts
FROM inference_events
GROUP BY release_id, hardware, region, minute, deadline_us, scale, ingested_on;
