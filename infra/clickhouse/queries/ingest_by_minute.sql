-- title: Ingest by minute
-- answers: How many records of each topic arrived in each minute, and how many of them were refused.
-- unit: records a minute of ingest time
-- from: stored_minutes, inference_events
-- param topic: String = '' -- one topic; empty for all
-- param hours: UInt32 = 1 -- ingest time, hours before now
SELECT
    minute,
    topic,
    sum(m.n) AS stored,
    uniqExactMerge(letters) AS refused,
    count(DISTINCT partition) AS partitions
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
  AND ({topic:String} = '' OR topic = {topic:String})
GROUP BY minute, topic
ORDER BY minute DESC, topic
