-- title: Latency by region
-- answers: How a release's latency spreads over hardware and regions, from histograms merged exactly.
-- unit: share of the deadline (1 is the deadline) at the upper edge of the bucket; late_share of judged results
-- from: latency_minutes
-- param release: String -- release to tell about
-- param hours: UInt32 = 24 -- event time, hours before now
SELECT
    hardware,
    region,
    scale,
    results,
    round(late / greatest(results, 1), 5) AS late_share,
    round(quantiles[1], 4) AS p50,
    round(quantiles[2], 4) AS p95,
    round(quantiles[3], 4) AS p99
FROM
(
    SELECT
        hardware,
        region,
        min(at_scale) AS scale,
        sum(n) AS results,
        sumIf(n, bucket >= 0) AS late,
        quantilesExactWeighted(0.5, 0.95, 0.99)(if(bucket = -2147483648, 0, exp2((bucket + 1) / exp2(at_scale))), n) AS quantiles
    FROM
    (
        SELECT
            hardware,
            region,
            coarsest AS at_scale,
            toInt32(floor(entry.1 / exp2(scale - coarsest))) AS bucket,
            toUInt64(entry.2) AS n
        FROM
        (
            SELECT hardware, region, scale, counts, min(scale) OVER (PARTITION BY hardware, region) AS coarsest
            FROM latency_minutes
            WHERE release_id = {release:String} AND minute >= now() - INTERVAL {hours:UInt32} HOUR
        )
        ARRAY JOIN CAST(counts, 'Array(Tuple(Int32, Int64))') AS entry
        WHERE n > 0
        UNION ALL
        SELECT hardware, region, 20 AS at_scale, toInt32(-2147483648) AS bucket, toUInt64(sum(zero_count)) AS n
        FROM latency_minutes
        WHERE release_id = {release:String} AND minute >= now() - INTERVAL {hours:UInt32} HOUR
        GROUP BY hardware, region
        HAVING n > 0
    )
    GROUP BY hardware, region
)
ORDER BY hardware, region
