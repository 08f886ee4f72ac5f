-- title: Devices by running model
-- answers: Which model runs on how many devices of each hardware now.
-- unit: devices, by the newest record of each
-- from: devices_now
-- param hardware: String = '' -- one hardware generation; empty for all
SELECT
    digest AS model_digest,
    hardware,
    count() AS devices,
    max(seen) AS last_seen
FROM
(
    SELECT
        device_id,
        hardware,
        argMaxMerge(digest) AS digest,
        max(seen_at) AS seen
    FROM devices_now
    WHERE {hardware:String} = '' OR hardware = {hardware:String}
    GROUP BY device_id, hardware
)
GROUP BY digest, hardware
ORDER BY devices DESC, model_digest, hardware
