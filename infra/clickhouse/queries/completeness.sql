-- title: Completeness
-- answers: Whether each offset read of each topic is stored, refused or erased, once, and how fresh it is.
-- unit: offsets between the first and the last seen; missing is positive for holes, negative for doubles, null where it cannot be told: a dead letter published twice is one row
-- from: table_minutes, erased
-- whole: table_minutes, erased
-- param hours: UInt32 = 9600 -- ingest time, hours before now
SELECT
    topic,
    uniqExact(topic_id) AS logs,
    count() AS partitions,
    sum(stored) AS rows,
    sum(refused) AS refused,
    sum(length(inside)) AS erased,
    sum(seen) AS offsets,
    if(topic = 'dead-letters', NULL, offsets - rows - refused - erased) AS missing,
    max(newest) AS newest_minute
FROM
(
    SELECT
        topic,
        topic_id,
        stored,
        refused,
        newest,
        arrayFilter(place -> place >= first, gone) AS inside,
        arrayMax(arrayPushBack(inside, last)) - first + 1 AS seen
    FROM
    (
        SELECT
            topic,
            topic_id,
            partition,
            toInt64(sum(rows)) AS stored,
            toInt64(sum(letters)) AS refused,
            min(first_offset) AS first,
            max(last_offset) AS last,
            max(minute) AS newest
        FROM table_minutes
        WHERE minute >= toStartOfMinute(now() - INTERVAL {hours:UInt32} HOUR)
        GROUP BY topic, topic_id, partition
    ) AS stored
    LEFT JOIN
    (
        SELECT topic, topic_id, partition, groupUniqArray(offset) AS gone
        FROM erased
        GROUP BY topic, topic_id, partition
    ) AS places USING (topic, topic_id, partition)
)
GROUP BY topic
ORDER BY topic
