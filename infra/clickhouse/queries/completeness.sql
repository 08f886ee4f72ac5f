-- title: Completeness
-- answers: Whether each offset read of each topic is stored, refused or erased, once, and how fresh it is.
-- unit: offsets between the first and the last seen; missing is positive for holes, negative for doubles, null where it cannot be told: a dead letter published twice is one row
-- from: stored_minutes
-- whole: stored_minutes
-- param hours: UInt32 = 9600 -- ingest time, hours before now
SELECT
    topic,
    uniqExact(topic_id) AS logs,
    count() AS partitions,
    sum(stored) AS rows,
    sum(refused) AS refused,
    sum(forgotten) AS erased,
    sum(seen) AS offsets,
    if(topic = 'dead-letters', NULL, offsets - rows - refused - erased) AS missing,
    max(newest) AS newest_minute
FROM
(
    SELECT
        topic,
        topic_id,
        toInt64(sum(rows)) AS stored,
        toInt64(sum(letters)) AS refused,
        toInt64(sum(s.erased)) AS forgotten,
        max(last_offset) - min(first_offset) + 1 AS seen,
        max(minute) AS newest
    FROM stored_minutes AS s
    WHERE minute >= toStartOfMinute(now() - INTERVAL {hours:UInt32} HOUR)
    GROUP BY topic, topic_id, partition
)
GROUP BY topic
ORDER BY topic
