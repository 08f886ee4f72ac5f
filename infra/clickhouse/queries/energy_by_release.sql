-- title: Energy by release
-- answers: What a thousand results of each release cost in energy, by hardware.
-- unit: joules; told_share is the share of results in windows that told their energy
-- from: latency_minutes
-- param hours: UInt32 = 720 -- event time, hours before now
-- param release: String = '' -- one release; empty for all
SELECT
    release_id AS release,
    hardware,
    sum(m.produced) AS results,
    round(sum(m.energy_results) / nullIf(results, 0), 4) AS told_share,
    round(sum(m.energy_mj) / 1000, 1) AS joules,
    round(sum(m.energy_mj) / nullIf(sum(m.energy_results), 0), 3) AS j_per_1000_results
FROM latency_minutes AS m
WHERE minute >= toStartOfMinute(now() - INTERVAL {hours:UInt32} HOUR)
  AND ({release:String} = '' OR release_id = {release:String})
GROUP BY release, hardware
HAVING sum(m.expected) > 0 -- nothing is due in the canary's windows
ORDER BY release, hardware
