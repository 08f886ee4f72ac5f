-- title: Disengagements by release
-- answers: Which release lets go how often, for which cause, over which distance.
-- unit: events; per_1000_km is events for 1,000 km of reported distance
-- from: disengagements, inference_events
-- param hours: UInt32 = 720 -- event time, hours before now
SELECT
    release,
    hardware,
    cause,
    events,
    round(mm / 1e6, 1) AS km,
    round(1e9 * events / nullIf(mm, 0), 3) AS per_1000_km
FROM
(
    SELECT
        ifNull(release_id, '') AS release,
        hardware,
        ifNull(cause, '') AS cause,
        uniqExact(event_id) AS events
    FROM disengagements
    WHERE event_ts >= toStartOfHour(now() - INTERVAL {hours:UInt32} HOUR)
    GROUP BY release, hardware, cause
) AS ended
LEFT JOIN
(
    SELECT ifNull(release_id, '') AS release, hardware, sum(round(ifNull(distance_m, 0) * 1000)) AS mm
    FROM inference_events
    WHERE window_end >= toStartOfHour(now() - INTERVAL {hours:UInt32} HOUR)
    GROUP BY release, hardware
) AS driven USING (release, hardware)
ORDER BY events DESC, release, hardware, cause
