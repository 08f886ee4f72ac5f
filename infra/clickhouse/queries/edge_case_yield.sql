-- title: Edge-case yield by trigger
-- answers: What each trigger brings for the megabytes it costs: cases, encounters, and labels people gave.
-- unit: edge cases; bytes; megabytes of 10^6 bytes; labelled counts encounters with a label other than SKIP
-- from: edge_case_days, encounter_answers
-- whole: encounter_answers
-- param hours: UInt32 = 720 -- day of capture in event time, hours before now
-- param release: String = '' -- one release; empty for all
SELECT
    `trigger`,
    cases,
    length(met) AS encounters,
    devices,
    bytes AS uplink_bytes,
    round(1e6 * cases / nullIf(bytes, 0), 2) AS cases_per_mb,
    length(arrayIntersect(met, (
        SELECT groupUniqArray(encounter_id)
        FROM encounter_answers
        WHERE arrayExists(label -> label != 'SKIP', labels)
    ))) AS labelled,
    round(1e6 * labelled / nullIf(bytes, 0), 2) AS labelled_per_mb,
    round(labelled / encounters, 4) AS labelled_share
FROM
(
    SELECT
        `trigger`,
        uniqExactMerge(d.cases) AS cases,
        groupUniqArrayMerge(d.encounters) AS met,
        uniqExactMerge(d.devices) AS devices,
        sum(d.uplink_bytes) AS bytes
    FROM edge_case_days AS d
    WHERE day >= toDate(now() - INTERVAL {hours:UInt32} HOUR)
      AND ({release:String} = '' OR release_id = {release:String})
    GROUP BY `trigger`
)
ORDER BY cases DESC, `trigger`
