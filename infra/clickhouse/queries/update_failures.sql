-- title: Update failures
-- answers: Why devices did not take a release, or put it off.
-- unit: devices, each counted once for a state and reason
-- from: ota_acks
-- param release: String -- release to tell about
SELECT
    hardware,
    state,
    reason_code,
    uniqExact(device_id) AS devices,
    max(attempt) AS most_attempts,
    min(_ingested_at) AS first_at,
    max(_ingested_at) AS last_at
FROM ota_acks
WHERE release_id = {release:String} AND reason_code != ''
GROUP BY hardware, state, reason_code
ORDER BY devices DESC, hardware, state, reason_code
