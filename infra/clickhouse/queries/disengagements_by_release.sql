-- title: Disengagements by release
-- answers: Which release lets go how often, for which cause, over which distance.
-- unit: events; per_1000_km is events for 1,000 km of reported distance
-- from: disengagement_minutes, latency_minutes
-- param hours: UInt32 = 720 -- event time, hours before now
-- param release: String = '' -- one release; empty for all
SELECT
    release,
    hardware,
    cause,
    events,
    round(mm / 1e6, 1) AS km,
    round(1e9 * events / nullIf(mm, 0), 3) AS per_1000_km
FROM
(
    SELECT release_id AS release, hardware, cause, uniqExactMerge(d.events) AS events
    FROM disengagement_minutes AS d
    WHERE minute >= toStartOfMinute(now() - INTERVAL {hours:UInt32} HOUR)
      AND ({release:String} = '' OR release_id = {release:String})
    GROUP BY release, hardware, cause
) AS ended
LEFT JOIN
(
    SELECT release_id AS release, hardware, sum(distance_mm) AS mm
    FROM latency_minutes
    WHERE minute >= toStartOfMinute(now() - INTERVAL {hours:UInt32} HOUR)
      AND ({release:String} = '' OR release_id = {release:String})
    GROUP BY release, hardware
) AS driven USING (release, hardware)
ORDER BY events DESC, release, hardware, cause
