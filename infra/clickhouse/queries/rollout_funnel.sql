-- title: Rollout funnel
-- answers: How far the devices of a release came, by hardware: offered, accepted, installed, committed, failed, rolled back.
-- unit: devices, each counted by its newest attempt
-- param release: String = '' -- one release; empty for all
SELECT
    release_id,
    hardware,
    count() AS offered,
    countIf(has(states, 'ACCEPTED')) AS accepted,
    countIf(has(states, 'DOWNLOADED')) AS downloaded,
    countIf(has(states, 'INSTALLED')) AS installed,
    countIf(has(states, 'TRIAL_BOOT')) AS tried,
    countIf(has(states, 'COMMITTED')) AS committed,
    countIf(has(states, 'REVERTED') AND NOT ordered) AS reverted,
    countIf(has(states, 'INSTALL_FAILED') OR has(states, 'REJECTED')) AS failed,
    countIf(has(states, 'DEFERRED')) AS deferred,
    countIf(ordered) AS rolled_back
FROM
(
    SELECT
        release_id,
        hardware,
        device_id,
        groupUniqArray(state) AS states,
        max(reason_code = 'ROLLBACK_ORDERED') AS ordered
    FROM ota_acks AS acks
    INNER JOIN
    (
        SELECT release_id, device_id, max(attempt) AS attempt
        FROM ota_acks
        GROUP BY release_id, device_id
    ) AS newest USING (release_id, device_id, attempt)
    WHERE {release:String} = '' OR release_id = {release:String}
    GROUP BY release_id, hardware, device_id
)
GROUP BY release_id, hardware
ORDER BY release_id, hardware
