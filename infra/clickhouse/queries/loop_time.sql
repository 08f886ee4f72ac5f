-- title: From edge case to release
-- answers: How long it took from the edge cases of a dataset to their labels, to the dataset, to the release and to its first wave.
-- unit: seconds, each from the step before; medians of the encounters asked about
-- from: dataset_manifests, label_requests, edge_cases, label_reviews, model_releases
-- whole: label_requests, label_reviews, model_releases
-- param line: String = 'perception' -- dataset line
SELECT
    made.dataset_id AS dataset_id,
    ifNull(toString(release.release_id), '') AS release_id,
    ifNull(found.encounters, 0) AS encounters,
    toDateTime64(found.captured_s, 3, 'UTC') AS captured,
    round(found.asked_s - found.captured_s, 2) AS to_asked_s,
    round(found.answered_s - found.asked_s, 2) AS to_answered_s,
    round(toFloat64(made.assembled_at) - found.answered_s, 2) AS to_dataset_s,
    dateDiff('millisecond', made.assembled_at, release.proposed_at) / 1000 AS to_release_s,
    dateDiff('millisecond', release.proposed_at, release.opened_at) / 1000 AS to_first_wave_s,
    dateDiff('millisecond', release.opened_at, release.completed_at) / 1000 AS to_completed_s
FROM
(
    SELECT dataset_id, argMin(event_id, seq) AS first_step, maxIf(assembled_ts, kind = 'ASSEMBLED') AS assembled_at
    FROM dataset_manifests
    WHERE line = {line:String}
    GROUP BY dataset_id
    HAVING countIf(kind = 'ASSEMBLED') > 0
) AS made
LEFT JOIN
(
    SELECT
        q.ask_id AS ask_id,
        uniqExact(q.encounter_id) AS encounters,
        quantileExact(0.5)(toFloat64(q.asked_ts)) AS asked_s,
        quantileExact(0.5)(toFloat64(c.captured_ts)) AS captured_s,
        quantileExactIf(0.5)(toFloat64(r.reviewed_ts), r.event_id != '') AS answered_s
    FROM label_requests AS q
    INNER JOIN
    (
        SELECT DISTINCT event_id, captured_ts
        FROM edge_cases
        WHERE device_id IN
        (
            SELECT device_id FROM label_requests
            WHERE ask_id IN (SELECT event_id FROM dataset_manifests WHERE line = {line:String})
        )
    ) AS c ON c.event_id = q.edge_case_id
    LEFT JOIN
    (
        SELECT edge_case_id, min(reviewed_ts) AS reviewed_ts, any(label_reviews.event_id) AS event_id
        FROM label_reviews
        GROUP BY edge_case_id
    ) AS r ON r.edge_case_id = q.edge_case_id
    GROUP BY ask_id
) AS found ON found.ask_id = made.first_step
LEFT JOIN
(
    SELECT
        release_id,
        max(ifNull(model_releases.dataset_id, '')) AS trained_from,
        min(decided_ts) AS proposed_at,
        minIf(toNullable(decided_ts), kind = 'WAVE_OPENED') AS opened_at,
        maxIf(toNullable(decided_ts), kind = 'COMPLETED') AS completed_at
    FROM model_releases
    GROUP BY release_id
) AS release ON release.trained_from = made.dataset_id
ORDER BY made.assembled_at, release_id
SETTINGS join_use_nulls = 1
