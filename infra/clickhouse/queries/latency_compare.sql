-- title: Is release B slower than A, and since when
-- answers: Whether release B is slower than release A on a hardware generation, by how much, and since which minute without a break.
-- unit: milliseconds of mean latency; late shares of judged results; z tells late shares apart (above 3: not chance)
-- from: latency_minutes
-- param a: String -- release to compare with
-- param b: String -- release in question
-- param hardware: String = 'HW3' -- hardware generation
-- param by: Float64 = 0.1 -- slower means: a minute's mean is above that of A by more than this share
-- param hours: UInt32 = 168 -- event time, hours before now
WITH
    minutes AS
    (
        SELECT
            release_id,
            m.minute AS minute,
            sum(m.produced) - sum(m.warmup) AS judged,
            sum(m.late) AS late,
            sum(m.sum_us) AS sum_us
        FROM latency_minutes AS m
        WHERE m.release_id IN ({a:String}, {b:String})
          AND m.hardware = {hardware:String}
          AND m.minute >= now() - INTERVAL {hours:UInt32} HOUR
        GROUP BY release_id, minute
        HAVING judged > 0
    ),
    (SELECT sum(sum_us) / sum(judged) FROM minutes WHERE release_id = {a:String}) AS mean_a_us,
    (
        SELECT max(minute) FROM minutes
        WHERE release_id = {b:String} AND sum_us / judged <= mean_a_us * (1 + {by:Float64})
    ) AS last_good
SELECT
    {hardware:String} AS hardware,
    round(mean_a_us / 1000, 3) AS mean_a_ms,
    round(sumIf(sum_us, is_b) / sumIf(judged, is_b) / 1000, 3) AS mean_b_ms,
    round(sumIf(late, NOT is_b) / sumIf(judged, NOT is_b), 5) AS late_share_a,
    round(sumIf(late, is_b) / sumIf(judged, is_b), 5) AS late_share_b,
    round(
        (sumIf(late, is_b) / sumIf(judged, is_b) - sumIf(late, NOT is_b) / sumIf(judged, NOT is_b))
        / nullIf(sqrt(
            sum(late) / sum(judged) * (1 - sum(late) / sum(judged))
            * (1 / sumIf(judged, is_b) + 1 / sumIf(judged, NOT is_b))
        ), 0), 1
    ) AS z,
    minIf(toNullable(minute), is_b AND minute > ifNull(last_good, toDateTime(0, 'UTC'))) AS slower_since,
    slower_since IS NOT NULL AS slower
FROM (SELECT *, release_id = {b:String} AS is_b FROM minutes)
HAVING countIf(is_b) > 0 AND countIf(NOT is_b) > 0
