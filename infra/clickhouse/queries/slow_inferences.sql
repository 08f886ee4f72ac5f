-- title: Slowest inferences
-- answers: Which single inferences of a hardware generation took longest, on which device, with their trace.
-- unit: milliseconds; exemplars that devices told in full, up to 8 for each window
-- from: inference_events
-- param hardware: String -- hardware generation
-- param release: String = '' -- one release; empty for all
-- param hours: UInt32 = 24 -- event time, hours before now
SELECT
    example.ts AS at,
    device_id,
    ifNull(release_id, '') AS release_id,
    example.latency_us / 1000 AS latency_ms,
    deadline_us / 1000 AS deadline_ms,
    example.top1 AS top1,
    example.confidence AS confidence,
    example.trace_id AS trace_id
FROM inference_events
ARRAY JOIN exemplars AS example
WHERE hardware = {hardware:String}
  AND window_end >= now() - INTERVAL {hours:UInt32} HOUR
  AND ({release:String} = '' OR inference_events.release_id = {release:String})
ORDER BY latency_ms DESC, at
LIMIT 50
