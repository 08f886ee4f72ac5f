-- title: Completeness
-- answers: Whether each offset read of each topic is stored or refused, once, and how fresh it is.
-- unit: offsets between the first and the last seen; missing is positive for holes, negative for doubles
-- from: stored_minutes, inference_events
-- param hours: UInt32 = 9600 -- ingest time, hours before now
SELECT
    topic,
    uniqExact(topic_id) AS logs,
    count() AS partitions,
    sum(stored) AS rows,
    sum(refused) AS refused,
    sum(seen) AS offsets,
    offsets - rows - refused AS missing,
    max(newest) AS newest_minute
FROM
(
    SELECT
        topic,
        topic_id,
        partition,
        toInt64(sum(m.n)) AS stored,
        toInt64(uniqExactMerge(letters)) AS refused,
        max(last_offset) - min(first_offset) + 1 AS seen,
        max(minute) AS newest
    FROM
    (
        SELECT topic, topic_id, partition, minute, rows AS n, letters, first_offset, last_offset
        FROM stored_minutes
        WHERE minute >= now() - INTERVAL {hours:UInt32} HOUR
        UNION ALL
        SELECT
            'inference-events' AS topic,
            _topic_id,
            _partition,
            toStartOfMinute(toDateTime(_ingested_at, 'UTC')) AS minute,
            count() AS n,
            arrayReduce('uniqExactState', CAST([], 'Array(String)')) AS letters,
            min(_offset),
            max(_offset)
        FROM inference_events
        WHERE _ingested_at >= toStartOfMinute(now() - INTERVAL {hours:UInt32} HOUR)
        GROUP BY _topic_id, _partition, minute
    ) AS m
    WHERE minute >= now() - INTERVAL {hours:UInt32} HOUR
    GROUP BY topic, topic_id, partition
)
GROUP BY topic
ORDER BY topic
