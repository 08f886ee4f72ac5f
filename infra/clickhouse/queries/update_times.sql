-- title: Update times
-- answers: How long devices of a release took from the offer to the commit, and how many still wait.
-- unit: seconds of ingest time, over the attempts that committed
-- from: rollout_devices
-- param release: String -- release to tell about
SELECT
    hardware,
    region,
    countIf(committed IS NOT NULL) AS commits,
    countIf(committed IS NULL) AS not_committed,
    round(quantileExact(0.5)(took_s), 1) AS p50_s,
    round(quantileExact(0.95)(took_s), 1) AS p95_s,
    round(max(took_s), 1) AS max_s
FROM
(
    SELECT
        hardware,
        region,
        min(committed_at) AS committed,
        dateDiff('millisecond', min(offered_at), committed) / 1000 AS took_s
    FROM rollout_devices
    WHERE release_id = {release:String}
    GROUP BY hardware, region, device_id, attempt
)
GROUP BY hardware, region
ORDER BY hardware, region
