-- title: Alert noise
-- answers: Which alerts disturb most, how long they last, and how many ended by themselves within five minutes.
-- unit: episodes that fired; minutes from firing to resolved
-- from: alert_episodes
-- param hours: UInt32 = 720 -- begin in event time, hours before now
SELECT
    alertname,
    severity,
    countIf(fired IS NOT NULL) AS episodes,
    countIf(fired IS NOT NULL AND resolved IS NULL) AS open,
    countIf(resolved < fired + INTERVAL 5 MINUTE) AS under_5_min,
    round(quantileExact(0.5)(dateDiff('second', fired, resolved)) / 60, 1) AS median_min,
    max(flaps) AS flaps
FROM
(
    SELECT
        alertname,
        severity,
        min(fired_at) AS fired,
        max(resolved_at) AS resolved,
        max(flap_count) AS flaps
    FROM alert_episodes
    WHERE starts_at >= now() - INTERVAL {hours:UInt32} HOUR
    GROUP BY alertname, severity, fingerprint, starts_at
)
GROUP BY alertname, severity
ORDER BY episodes DESC, alertname, severity
