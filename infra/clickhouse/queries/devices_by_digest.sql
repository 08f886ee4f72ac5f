-- title: Devices by running model
-- answers: Which model runs on how many devices of each hardware now.
-- unit: devices, by the newest record of each
SELECT
    digest AS model_digest,
    hardware,
    count() AS devices,
    max(seen) AS last_seen
FROM
(
    SELECT
        device_id,
        argMax(hardware, place) AS hardware,
        argMax(if(active_slot = 'B', slot_b_digest, slot_a_digest), place) AS digest,
        max(_ingested_at) AS seen
    FROM
    (
        SELECT *, tuple(_ingested_at, _offset) AS place
        FROM devices
    )
    GROUP BY device_id
)
GROUP BY digest, hardware
ORDER BY devices DESC, model_digest, hardware
