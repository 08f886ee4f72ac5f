-- title: Edge-case yield by trigger
-- answers: What each trigger brings for the bytes it costs, and how often a person found the device wrong.
-- unit: edge cases; bytes; labelled_share is labelled encounters of all encounters
-- param hours: UInt32 = 720 -- ingest time, hours before now
SELECT
    `trigger`,
    uniqExact(event_id) AS cases,
    uniqExact(encounter_id) AS encounters,
    uniqExact(device_id) AS devices,
    sum(uplink_bytes) AS uplink_bytes,
    round(avg(margin), 4) AS mean_margin,
    countIf(light = 'NIGHT') AS at_night,
    uniqExactIf(encounter_id, labelled) AS labelled,
    round(labelled / encounters, 4) AS labelled_share
FROM
(
    SELECT *, context_light AS light, encounter_id IN (
        SELECT encounter_id FROM label_reviews WHERE label != 'SKIP'
    ) AS labelled
    FROM edge_cases
    WHERE _ingested_at >= now() - INTERVAL {hours:UInt32} HOUR
)
GROUP BY `trigger`
ORDER BY cases DESC, `trigger`
