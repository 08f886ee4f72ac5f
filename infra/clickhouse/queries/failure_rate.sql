-- title: Failure rate of updates
-- answers: Which share of the devices that accepted an update failed by themselves, or said nothing final: `failure_rate` of a rollout policy.
-- unit: devices, each counted by its newest attempt at a release, by hardware and over all (empty)
-- from: rollout_devices
-- whole: rollout_devices
-- param days: UInt32 = 90 -- ingest time, days before now
SELECT
    hardware,
    count() AS accepted,
    countIf(bad) AS failed,
    countIf(NOT bad AND NOT committed AND ordered = 0) AS unfinished,
    round((failed + unfinished) / accepted, 6) AS failure_rate
FROM
(
    SELECT
        release_id,
        hardware,
        device_id,
        argMax((seen, back), attempt) AS last,
        last.2 AS ordered,
        has(last.1, 'COMMITTED') AS committed,
        ordered = 0 AND hasAny(last.1, ['REVERTED', 'INSTALL_FAILED', 'REJECTED']) AS bad
    FROM
    (
        SELECT
            release_id,
            hardware,
            device_id,
            attempt,
            groupUniqArrayArray(states) AS seen,
            max(ordered_back) AS back
        FROM rollout_devices
        WHERE ingested_on >= toDate(now() - toIntervalDay({days:UInt32}))
        GROUP BY release_id, hardware, device_id, attempt
    )
    GROUP BY release_id, hardware, device_id
    HAVING has(last.1, 'ACCEPTED') OR committed
)
GROUP BY GROUPING SETS ((hardware), ())
ORDER BY hardware
