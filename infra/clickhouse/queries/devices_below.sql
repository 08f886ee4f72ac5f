-- title: Devices below the running model
-- answers: Which active devices run an older model than the newest release their hardware is meant to run.
-- unit: one row a device; releases_behind counts proposals between the two, null where its model is of no release
-- from: devices_now, model_releases
-- whole: model_releases
-- param hardware: String = '' -- one hardware generation; empty for all
WITH
    proposals AS
    (
        SELECT
            release_id,
            toString(device_class) AS class,
            argMax(assumeNotNull(toString(artifact_digest)), _offset) AS digest,
            max(counter) AS place
        FROM model_releases
        WHERE kind = 'PROPOSED' AND release_id != ''
        GROUP BY release_id, class
    ),
    meant AS
    (
        SELECT class, stratum, argMax(release_id, place) AS release_id, max(place) AS counter
        FROM
        (
            SELECT
                toString(device_class) AS class,
                release_id,
                arrayJoin(if(stratum IS NULL, strata, [assumeNotNull(toString(stratum))])) AS stratum,
                max(counter) AS place,
                argMax(toString(kind), decision_seq) AS last_kind
            FROM model_releases
            WHERE kind IN ('COMPLETED', 'ROLLBACK_ORDERED', 'SUPERSEDED', 'ABORTED')
            GROUP BY class, release_id, stratum
        )
        WHERE last_kind = 'COMPLETED'
        GROUP BY class, stratum
    )
SELECT
    device_id,
    hardware,
    release_runs,
    meant.release_id AS release_meant,
    if(release_runs = '', NULL, toInt64(meant.counter) - toInt64(counter_runs)) AS releases_behind,
    model_digest,
    seen
FROM
(
    SELECT
        device_id,
        hardware,
        toString(device_class) AS class,
        argMaxMerge(digest) AS model_digest,
        argMaxMerge(lifecycle) AS life,
        max(seen_at) AS seen
    FROM devices_now
    WHERE {hardware:String} = '' OR hardware = {hardware:String}
    GROUP BY device_id, hardware, class
) AS running
INNER JOIN meant ON meant.class = running.class AND meant.stratum = toString(running.hardware)
LEFT JOIN
(
    SELECT class, digest, argMax(release_id, place) AS release_runs, max(place) AS counter_runs
    FROM proposals
    GROUP BY class, digest
) AS known ON known.class = running.class AND known.digest = running.model_digest
WHERE life = 'ACTIVE' AND (release_runs = '' OR counter_runs < meant.counter)
ORDER BY releases_behind DESC, device_id
