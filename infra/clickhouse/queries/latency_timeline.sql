-- title: Latency by minute
-- answers: How a release's latency went, minute by minute, on one hardware generation.
-- unit: milliseconds, quantiles from digests of histogram buckets; late_share is the share of judged results above the deadline
-- from: latency_minutes
-- param release: String -- release to tell about
-- param hardware: String -- hardware generation
-- param hours: UInt32 = 24 -- event time, hours before now
SELECT
    minute,
    sum(m.windows) AS windows,
    sum(m.produced) - sum(m.warmup) AS judged,
    sum(m.late) AS late,
    round(late / greatest(judged, 1), 5) AS late_share,
    sum(m.expected) - sum(m.produced) AS missed,
    round(sum(m.sum_us) / greatest(judged, 1) / 1000, 3) AS mean_ms,
    arrayMap(us -> round(us / 1000, 3), quantilesTDigestWeightedMerge(0.5, 0.95, 0.99)(m.latency_us)) AS p50_p95_p99_ms,
    max(m.max_us) / 1000 AS max_ms
FROM latency_minutes AS m
WHERE m.release_id = {release:String}
  AND m.hardware = {hardware:String}
  AND m.minute >= now() - INTERVAL {hours:UInt32} HOUR
GROUP BY minute
ORDER BY minute
