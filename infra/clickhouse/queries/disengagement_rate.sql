-- title: Disengagement rate
-- answers: How often each release lets go for 1,000 km, by hardware and region, also where it never did.
-- unit: events for 1,000 km of reported distance; null where no distance is known
-- from: latency_minutes, disengagement_minutes
-- param hours: UInt32 = 720 -- event time, hours before now
-- param release: String = '' -- one release; empty for all
SELECT
    release_id AS release,
    hardware,
    region,
    uniqExactMerge(ended) AS events,
    round(sum(mm) / 1e6, 3) AS km,
    round(1e9 * events / nullIf(sum(mm), 0), 3) AS per_1000_km
FROM
(
    SELECT release_id, hardware, region, arrayReduce('uniqExactState', CAST([], 'Array(String)')) AS ended, distance_mm AS mm
    FROM latency_minutes
    WHERE minute >= toStartOfMinute(now() - INTERVAL {hours:UInt32} HOUR)
      AND ({release:String} = '' OR release_id = {release:String})
    UNION ALL
    SELECT release_id, hardware, region, events AS ended, 0 AS mm
    FROM disengagement_minutes
    WHERE minute >= toStartOfMinute(now() - INTERVAL {hours:UInt32} HOUR)
      AND ({release:String} = '' OR release_id = {release:String})
)
GROUP BY release, hardware, region
ORDER BY release, hardware, region
