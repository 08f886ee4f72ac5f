-- title: Rollback stragglers
-- answers: Which devices took a release and have not said that they left it, what each ran last, and when that was heard.
-- unit: devices, each by its newest attempt at the release
-- from: rollout_devices, devices_now
-- param release: String -- release that was ordered back
SELECT
    took.device_id AS device_id,
    took.hardware AS hardware,
    now.digest AS model_digest,
    now.seen AS last_seen
FROM
(
    SELECT device_id, hardware, argMax(seen, attempt) AS states
    FROM
    (
        SELECT device_id, hardware, attempt, groupUniqArrayArray(states) AS seen
        FROM rollout_devices
        WHERE release_id = {release:String}
        GROUP BY device_id, hardware, attempt
    )
    GROUP BY device_id, hardware
    HAVING hasAny(states, ['ACCEPTED', 'DOWNLOADED', 'VERIFIED', 'INSTALLED', 'TRIAL_BOOT', 'COMMITTED'])
        AND NOT hasAny(states, ['REVERTED', 'INSTALL_FAILED'])
) AS took
LEFT JOIN
(
    SELECT device_id, argMaxMerge(digest) AS digest, max(seen_at) AS seen
    FROM devices_now
    GROUP BY device_id
) AS now ON now.device_id = took.device_id
ORDER BY last_seen, device_id
