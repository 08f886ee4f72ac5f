-- title: Reviewers
-- answers: How much each reviewer answered, how fast, and how often they passed.
-- unit: answers, each counted once; seconds an answer
-- from: label_reviews
-- param hours: UInt32 = 720 -- event time, hours before now
SELECT
    reviewer,
    guideline_version,
    uniqExact(event_id) AS answers,
    uniqExactIf(event_id, label = 'SKIP') AS skipped,
    round(quantileExact(0.5)(seconds_spent), 2) AS p50_s,
    round(quantileExact(0.95)(seconds_spent), 2) AS p95_s,
    max(reviewed_ts) AS last_at
FROM label_reviews
WHERE reviewed_ts >= now() - INTERVAL {hours:UInt32} HOUR
GROUP BY reviewer, guideline_version
ORDER BY answers DESC, reviewer, guideline_version
