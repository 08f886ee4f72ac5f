-- title: Alert history
-- answers: When each alert began, when it was seen, when it ended, and how fast.
-- unit: seconds; delay is detection after the start in event time
-- from: alert_episodes
-- param hours: UInt32 = 168 -- begin in event time, hours before now
-- param severity: String = '' -- PAGE, TICKET or INFO; empty for all
SELECT
    alertname,
    severity,
    fingerprint,
    argMaxMerge(labels) AS labels,
    starts_at,
    min(detected_at) AS first_detected_at,
    round(min(detection_delay_ms) / 1000, 1) AS delay_s,
    argMaxMerge(state) AS last_state,
    argMaxMerge(reason) AS last_reason,
    max(resolved_at) AS resolved,
    max(flap_count) AS flaps
FROM alert_episodes
WHERE starts_at >= now() - INTERVAL {hours:UInt32} HOUR
  AND ({severity:String} = '' OR severity = {severity:String})
GROUP BY alertname, severity, fingerprint, starts_at
ORDER BY starts_at DESC, fingerprint
