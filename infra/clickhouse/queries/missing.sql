-- title: Is anything missing
-- answers: In which minutes of which partition offsets are missing or stored twice; no row: nothing.
-- unit: offsets; missing is what neither rows, letters nor erasures account for, doubled what is stored too often; dead-letters are left out: one published twice is one row
-- from: stored_minutes
-- whole: stored_minutes
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
        toInt64(sum(rows) + sum(letters) + sum(erased)) AS present,
        max(last_offset) AS last,
        lagInFrame(last, 1, min(first_offset) - 1) OVER (
            PARTITION BY topic, topic_id, partition ORDER BY minute
        ) AS before
    FROM stored_minutes
    WHERE minute >= toStartOfMinute(now() - INTERVAL {hours:UInt32} HOUR)
      AND topic != 'dead-letters'
      AND ({topic:String} = '' OR topic = {topic:String})
    GROUP BY topic, topic_id, partition, minute
)
WHERE present != last - before
ORDER BY topic, topic_id, partition, minute
