-- title: Energy by release
-- answers: What a thousand results of each release cost in energy, by hardware.
-- unit: joules; told_share is the share of results in windows that told their energy
-- from: inference_events
-- param hours: UInt32 = 720 -- event time, hours before now
-- param release: String = '' -- one release; empty for all
SELECT
    ifNull(release_id, '') AS release,
    hardware,
    sum(produced) AS results,
    round(sumIf(produced, energy_j IS NOT NULL) / nullIf(results, 0), 4) AS told_share,
    round(sum(energy_j), 1) AS joules,
    round(1000 * sum(energy_j) / nullIf(sumIf(produced, energy_j IS NOT NULL), 0), 3) AS j_per_1000_results
FROM inference_events
WHERE window_end >= now() - INTERVAL {hours:UInt32} HOUR
  AND ({release:String} = '' OR release_id = {release:String})
GROUP BY release, hardware
ORDER BY release, hardware
