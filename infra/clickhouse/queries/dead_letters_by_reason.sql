-- title: Dead letters by reason
-- answers: What was refused, by whom, why, and how often.
-- unit: records, each counted once
-- from: dead_letters
-- param topic: String = '' -- one original topic; empty for all
-- param hours: UInt32 = 720 -- ingest time, hours before now
SELECT
    topic,
    stage,
    error_class,
    ifNull(field, '') AS field,
    uniqExact(event_id) AS records,
    any(reason) AS example,
    min(ts) AS first_at,
    max(ts) AS last_at
FROM dead_letters
WHERE _ingested_at >= now() - INTERVAL {hours:UInt32} HOUR
  AND ({topic:String} = '' OR topic = {topic:String})
GROUP BY topic, stage, error_class, field
ORDER BY records DESC, topic, stage, error_class, field
