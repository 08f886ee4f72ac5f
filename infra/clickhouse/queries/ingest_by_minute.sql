-- title: Ingest by minute
-- answers: How many records of each topic arrived in each minute, how many were refused, and how many erased since.
-- unit: records a minute of ingest time
-- from: stored_minutes
-- whole: stored_minutes
-- param topic: String = '' -- one topic; empty for all
-- param hours: UInt32 = 1 -- ingest time, hours before now
SELECT
    minute,
    topic,
    sum(rows) AS stored,
    sum(letters) AS refused,
    sum(s.erased) AS forgotten,
    count(DISTINCT partition) AS partitions
FROM stored_minutes AS s
WHERE minute >= toStartOfMinute(now() - INTERVAL {hours:UInt32} HOUR)
  AND ({topic:String} = '' OR topic = {topic:String})
GROUP BY minute, topic
ORDER BY minute DESC, topic
