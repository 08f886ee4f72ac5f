-- title: Timeline of a device
-- answers: What one device did, in order: updates, edge cases, disengagements, and answers about its encounters.
-- unit: one row an event; event time, the device's own clock
-- from: ota_acks, edge_cases, disengagements, label_reviews, rollout_devices
-- param device: String -- device to tell about
-- param hours: UInt32 = 720 -- event time, hours before now
SELECT at, what, detail, release_id
FROM
(
    SELECT device_ts AS at, concat('update ', state) AS what, reason_code AS detail, toString(ota_acks.release_id) AS release_id
    FROM ota_acks
    WHERE device_id = {device:String} AND device_ts >= now() - INTERVAL {hours:UInt32} HOUR
      AND ota_acks.release_id IN (SELECT DISTINCT release_id FROM rollout_devices)
    UNION ALL
    SELECT captured_ts AS at, concat('edge case ', `trigger`) AS what, encounter_id AS detail, ifNull(toString(edge_cases.release_id), '') AS release_id
    FROM edge_cases
    WHERE device_id = {device:String} AND captured_ts >= now() - INTERVAL {hours:UInt32} HOUR
    UNION ALL
    SELECT event_ts AS at, concat('disengagement by ', initiator) AS what, ifNull(toString(cause), '') AS detail, ifNull(toString(disengagements.release_id), '') AS release_id
    FROM disengagements
    WHERE device_id = {device:String} AND event_ts >= now() - INTERVAL {hours:UInt32} HOUR
    UNION ALL
    SELECT reviewed_ts AS at, concat('label ', label) AS what, encounter_id AS detail, '' AS release_id
    FROM label_reviews
    WHERE device_id = {device:String} AND reviewed_ts >= now() - INTERVAL {hours:UInt32} HOUR
)
ORDER BY at, what, detail
