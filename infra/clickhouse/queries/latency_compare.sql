-- title: Is release B slower than A, and since when
-- answers: Whether release B is slower than release A on a hardware generation, by how much, and since which minute without a break.
-- unit: milliseconds of mean latency; late shares of judged results; z tells late shares apart (above 3: not chance)
-- from: latency_minutes
-- param a: String -- release to compare with
-- param b: String -- release in question
-- param hardware: String = 'HW3' -- hardware generation
-- param by: Float64 = 0.1 -- slower means: a minute's mean is above that of A by more than this share
-- param hours: UInt32 = 168 -- event time, hours before now
SELECT
    {hardware:String} AS hardware,
    round(sum_a / judged_a / 1000, 3) AS mean_a_ms,
    round(sum_b / judged_b / 1000, 3) AS mean_b_ms,
    round(late_a / judged_a, 5) AS late_share_a,
    round(late_b / judged_b, 5) AS late_share_b,
    round(
        (late_b / judged_b - late_a / judged_a)
        / nullIf(sqrt(share * (1 - share) * (1 / judged_b + 1 / judged_a)), 0), 1
    ) AS z,
    if(empty(since), NULL, arrayMin(since)) AS slower_since,
    slower_since IS NOT NULL AS slower
FROM
(
    SELECT
        sumIf(sum_us, NOT is_b) AS sum_a,
        sumIf(sum_us, is_b) AS sum_b,
        sumIf(judged, NOT is_b) AS judged_a,
        sumIf(judged, is_b) AS judged_b,
        sumIf(late, NOT is_b) AS late_a,
        sumIf(late, is_b) AS late_b,
        sum(late) / sum(judged) AS share,
        sum_a / judged_a * (1 + {by:Float64}) AS limit_us,
        groupArrayIf((minute, sum_us / judged), is_b) AS minutes_b,
        arrayMax(arrayMap(m -> if(m.2 <= limit_us, m.1, toDateTime(0, 'UTC')), minutes_b)) AS last_good,
        arrayMap(m -> m.1, arrayFilter(m -> m.1 > last_good, minutes_b)) AS since
    FROM
    (
        SELECT
            m.release_id = {b:String} AS is_b,
            m.minute AS minute,
            sum(m.produced) - sum(m.warmup) AS judged,
            sum(m.late) AS late,
            sum(m.sum_us) AS sum_us
        FROM latency_minutes AS m
        WHERE m.release_id IN ({a:String}, {b:String})
          AND m.hardware = {hardware:String}
          AND m.minute >= now() - INTERVAL {hours:UInt32} HOUR
        GROUP BY is_b, minute
        HAVING judged > 0
    )
    HAVING countIf(is_b) > 0 AND countIf(NOT is_b) > 0
)
