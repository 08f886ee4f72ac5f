-- title: Rollback stragglers
-- answers: Which devices took a release and have not said that they left it, and what each said last about it, when, and from which model.
-- unit: devices, each by its newest attempt at the release
-- from: ota_acks
-- param release: String -- release that was ordered back
SELECT
    device_id,
    hardware,
    argMax(state, (attempt, seq)) AS last_state,
    argMax(model_digest, (attempt, seq)) AS model_digest,
    max(_ingested_at) AS last_said
FROM ota_acks
WHERE release_id = {release:String}
GROUP BY device_id, hardware
HAVING countIf(state NOT IN ('OFFERED', 'DEFERRED', 'REJECTED')) > 0
    AND last_state NOT IN ('REVERTED', 'INSTALL_FAILED')
ORDER BY last_said, device_id
