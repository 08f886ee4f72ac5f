-- title: Latency by release and hardware
-- answers: Which release misses its deadline, on which hardware, and by how much.
-- unit: milliseconds; late_share is the share of judged results above the deadline; quantiles are upper edges of histogram buckets
-- from: latency_minutes
-- param hours: UInt32 = 24 -- event time, hours before now
-- param release: String = '' -- one release; empty for all
SELECT
    release_id,
    hardware,
    windows,
    judged,
    late,
    round(late / greatest(judged, 1), 5) AS late_share,
    missed,
    round(mean_ms, 3) AS mean_ms,
    round(quantiles[1], 3) AS p50_ms,
    round(quantiles[2], 3) AS p95_ms,
    round(quantiles[3], 3) AS p99_ms,
    round(max_ms, 3) AS max_ms,
    round(deadline_ms, 3) AS deadline_ms
FROM
(
    SELECT
        release_id,
        hardware,
        sum(m.windows) AS windows,
        sum(m.produced) - sum(m.warmup) AS judged,
        sum(m.late) AS late,
        sum(m.expected) - sum(m.produced) AS missed,
        sum(m.sum_us) / greatest(judged, 1) / 1000 AS mean_ms,
        max(m.max_us) / 1000 AS max_ms,
        max(m.deadline_us) / 1000 AS deadline_ms
    FROM latency_minutes AS m
    WHERE m.minute >= now() - INTERVAL {hours:UInt32} HOUR
      AND ({release:String} = '' OR m.release_id = {release:String})
    GROUP BY release_id, hardware
    HAVING sum(m.expected) > 0 -- the canary's windows, in which nothing is due, are no release's
) AS totals
LEFT JOIN
(
    SELECT
        release_id,
        hardware,
        quantilesExactWeighted(0.5, 0.95, 0.99)(upper_ms, results) AS quantiles
    FROM
    (
        SELECT
            release_id,
            hardware,
            deadline_us / 1000 * exp2((bucket.1 + 1) / exp2(scale)) AS upper_ms,
            toUInt64(bucket.2) AS results
        FROM latency_minutes
        ARRAY JOIN CAST(counts, 'Array(Tuple(Int32, Int64))') AS bucket
        WHERE minute >= now() - INTERVAL {hours:UInt32} HOUR
          AND ({release:String} = '' OR release_id = {release:String})
    )
    GROUP BY release_id, hardware
) AS shapes USING (release_id, hardware)
ORDER BY release_id, hardware
