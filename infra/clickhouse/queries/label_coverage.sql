-- title: Label coverage
-- answers: How much of what was collected people were asked about and answered, by hardware and light.
-- unit: encounters; share is answered with a label of all collected
-- from: edge_case_days, encounter_answers
-- whole: encounter_answers
-- param hours: UInt32 = 720 -- day of capture in event time, hours before now
SELECT
    hardware,
    light,
    count() AS encounters,
    countIf(asked) AS asked,
    countIf(notEmpty(given)) AS answered,
    countIf(arrayExists(label -> label != 'SKIP', given)) AS labelled,
    round(labelled / encounters, 4) AS share
FROM
(
    SELECT DISTINCT hardware, light, arrayJoin(met) AS encounter_id
    FROM
    (
        SELECT hardware, light, groupUniqArrayMerge(d.encounters) AS met
        FROM edge_case_days AS d
        WHERE day >= toDate(now() - INTERVAL {hours:UInt32} HOUR)
        GROUP BY hardware, light
    )
) AS collected
LEFT JOIN
(
    SELECT
        encounter_id,
        max(asked_at) IS NOT NULL AS asked,
        groupUniqArrayArray(labels) AS given
    FROM encounter_answers
    GROUP BY encounter_id
) AS answers USING (encounter_id)
GROUP BY hardware, light
ORDER BY hardware, light
