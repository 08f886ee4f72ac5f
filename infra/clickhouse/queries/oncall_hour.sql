-- title: What on-call saw in an hour
-- answers: Every step of every alert in one hour, in the order on-call saw them.
-- unit: one row a step; delay_s is the time from the begin of the episode
-- from: alerts, alert_episodes
-- param begin: DateTime -- begin of the hour, UTC
-- param severity: String = 'PAGE' -- PAGE, TICKET or INFO; empty for all
SELECT
    evaluated_at,
    severity,
    alertname,
    state,
    reason,
    labels,
    annotations['summary'] AS summary,
    round(dateDiff('millisecond', starts_at, evaluated_at) / 1000, 1) AS delay_s,
    ifNull(acked_by, '') AS acked_by,
    length(silenced_by) + length(inhibited_by) AS muted_by,
    fingerprint
FROM alerts
WHERE evaluated_at >= {begin:DateTime} AND evaluated_at < {begin:DateTime} + INTERVAL 1 HOUR
  AND NOT shadow
  AND fingerprint IN (
    SELECT fingerprint
    FROM alert_episodes
    WHERE starts_at < {begin:DateTime} + INTERVAL 1 HOUR
      AND ({severity:String} = '' OR severity = {severity:String})
  )
  AND ({severity:String} = '' OR severity = {severity:String})
ORDER BY evaluated_at, _offset
