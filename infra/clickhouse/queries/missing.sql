-- title: Is anything missing
-- answers: In which minutes of which partition offsets are missing or stored twice; no row: nothing.
-- unit: offsets; missing is what neither rows nor letters account for, doubled what is stored too often
-- from: stored_minutes, inference_events
-- param topic: String = '' -- one topic; empty for all
-- param hours: UInt32 = 9600 -- ingest time, hours before now
SELECT
    topic,
    topic_id,
    partition,
    minute,
    before + 1 AS from_offset,
    last AS to_offset,
    greatest(last - before - present, 0) AS missing,
    greatest(present - (last - before), 0) AS doubled
FROM
(
    SELECT
        topic,
        topic_id,
        partition,
        minute,
        toInt64(sum(m.n) + uniqExactMerge(letters)) AS present,
        max(last_offset) AS last,
        lagInFrame(last, 1, min(first_offset) - 1) OVER (
            PARTITION BY topic, topic_id, partition ORDER BY minute
        ) AS before
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
    GROUP BY topic, topic_id, partition, minute
)
WHERE present != last - before
ORDER BY topic, topic_id, partition, minute
