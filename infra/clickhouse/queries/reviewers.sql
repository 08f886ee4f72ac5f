-- title: Reviewers
-- answers: How much each reviewer answered, how fast, how often they passed, and how often an answer was taken back.
-- unit: answers, each counted once; seconds an answer
-- from: label_reviews
-- param hours: UInt32 = 720 -- event time, hours before now
SELECT
    reviewer,
    guideline_version,
    uniqExactIf(event_id, withdraws IS NULL) AS answers,
    uniqExactIf(event_id, label = 'SKIP' AND withdraws IS NULL) AS skipped,
    uniqExactIf(event_id, withdraws IS NOT NULL) AS withdrawn,
    round(quantileExactIf(0.5)(seconds_spent, withdraws IS NULL), 2) AS p50_s,
    round(quantileExactIf(0.95)(seconds_spent, withdraws IS NULL), 2) AS p95_s,
    max(reviewed_ts) AS last_at
FROM label_reviews
WHERE reviewed_ts >= now() - INTERVAL {hours:UInt32} HOUR
GROUP BY reviewer, guideline_version
ORDER BY answers DESC, reviewer, guideline_version
