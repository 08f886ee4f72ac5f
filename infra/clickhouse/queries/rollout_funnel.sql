-- title: Rollout funnel
-- answers: How far the devices of a release came, by hardware: offered, accepted, installed, committed, failed, rolled back.
-- unit: devices, each counted by its newest attempt
-- from: rollout_devices
-- param release: String = '' -- one release; empty for all
SELECT
    release_id,
    hardware,
    count() AS offered,
    countIf(has(last.1, 'ACCEPTED')) AS accepted,
    countIf(has(last.1, 'DOWNLOADED')) AS downloaded,
    countIf(has(last.1, 'INSTALLED')) AS installed,
    countIf(has(last.1, 'TRIAL_BOOT')) AS tried,
    countIf(has(last.1, 'COMMITTED')) AS committed,
    countIf(has(last.1, 'REVERTED') AND last.2 = 0) AS reverted,
    countIf(has(last.1, 'INSTALL_FAILED') OR has(last.1, 'REJECTED')) AS failed,
    countIf(has(last.1, 'DEFERRED')) AS deferred,
    countIf(last.2 = 1) AS rolled_back
FROM
(
    SELECT release_id, hardware, device_id, argMax((seen, ordered), attempt) AS last
    FROM
    (
        SELECT
            release_id,
            hardware,
            device_id,
            attempt,
            groupUniqArrayArray(states) AS seen,
            max(ordered_back) AS ordered
        FROM rollout_devices
        WHERE {release:String} = '' OR release_id = {release:String}
        GROUP BY release_id, hardware, device_id, attempt
    )
    GROUP BY release_id, hardware, device_id
)
GROUP BY release_id, hardware
ORDER BY release_id, hardware
