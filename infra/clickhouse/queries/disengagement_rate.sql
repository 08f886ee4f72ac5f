-- title: Disengagement rate
-- answers: How often each release lets go for 1,000 km, by hardware and region, also where it never did.
-- unit: events for 1,000 km of reported distance; null where no distance is known
-- from: inference_events, disengagements
-- param hours: UInt32 = 720 -- event time, hours before now
-- param release: String = '' -- one release; empty for all
SELECT
    release,
    hardware,
    region,
    uniqExactIf(event, event != '') AS events,
    round(sum(mm) / 1e6, 3) AS km,
    round(1e9 * events / nullIf(sum(mm), 0), 3) AS per_1000_km
FROM
(
    SELECT ifNull(release_id, '') AS release, hardware, region, '' AS event, round(ifNull(distance_m, 0) * 1000) AS mm
    FROM inference_events
    WHERE window_end >= now() - INTERVAL {hours:UInt32} HOUR
    UNION ALL
    SELECT ifNull(release_id, '') AS release, hardware, region, event_id AS event, 0 AS mm
    FROM disengagements
    WHERE event_ts >= now() - INTERVAL {hours:UInt32} HOUR
)
WHERE {release:String} = '' OR release = {release:String}
GROUP BY release, hardware, region
ORDER BY release, hardware, region
