-- title: Examples of a dataset from one device
-- answers: Which examples of a dataset, its parents included, came from one device, with picture and label.
-- unit: one row an encounter asked about; used is false when no usable label lies in the ranges the dataset read
-- from: dataset_manifests, label_requests, label_reviews, edge_cases
-- param dataset: String -- dataset to look into
-- param device: String -- device to look for
WITH
    lineage AS
    (
        SELECT dataset_id, kind, event_id, inputs
        FROM dataset_manifests
        WHERE (line, seq) IN (
            SELECT m.line, m.seq
            FROM dataset_manifests AS m
            INNER JOIN
            (
                SELECT line, max(seq) AS upto FROM dataset_manifests
                WHERE dataset_id = {dataset:String} GROUP BY line
            ) AS wanted ON wanted.line = m.line
            WHERE m.seq <= wanted.upto
        )
    ),
    read AS
    (
        SELECT r.event_id AS review_id, any(l.dataset_id) AS dataset_id
        FROM
        (
            SELECT dataset_id, arrayJoin(inputs) AS span FROM lineage WHERE kind = 'ASSEMBLED'
        ) AS l
        INNER JOIN label_reviews AS r
            ON r._topic_id = l.span.topic_id AND r._partition = l.span.partition
        WHERE l.span.topic = 'label-reviews' AND r.device_id = {device:String}
          AND r._offset BETWEEN l.span.first_offset AND l.span.last_offset
        GROUP BY review_id
    ),
    taken_back AS
    (
        SELECT withdraws FROM label_reviews
        WHERE withdraws IS NOT NULL AND device_id = {device:String}
          AND event_id IN (SELECT review_id FROM read)
    )
SELECT
    asked.encounter_id AS encounter_id,
    argMinIf(toString(given.label), (given._partition, given._offset), usable) AS label,
    max(usable) AS used,
    any(asked.dataset_id) AS since_dataset,
    any(cases.captured_ts) AS captured_ts,
    any(cases.`trigger`) AS `trigger`,
    any(cases.frame_uri) AS frame_uri
FROM
(
    SELECT q.encounter_id AS encounter_id, q.edge_case_id AS edge_case_id, l.dataset_id AS dataset_id
    FROM label_requests AS q
    INNER JOIN (SELECT event_id, dataset_id FROM lineage WHERE kind = 'ASK') AS l
        ON l.event_id = q.ask_id
    WHERE q.device_id = {device:String}
) AS asked
LEFT JOIN
(
    SELECT
        *,
        event_id IN (SELECT review_id FROM read) AND label != 'SKIP'
            AND event_id NOT IN (SELECT assumeNotNull(withdraws) FROM taken_back) AS usable
    FROM label_reviews
    WHERE device_id = {device:String}
) AS given ON given.encounter_id = asked.encounter_id
LEFT JOIN
(
    SELECT event_id, captured_ts, `trigger`, frame_uri FROM edge_cases
    WHERE device_id = {device:String}
) AS cases ON cases.event_id = asked.edge_case_id
GROUP BY encounter_id
ORDER BY captured_ts, encounter_id
