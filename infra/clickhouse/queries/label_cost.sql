-- title: Label cost and coverage
-- answers: What the labels of a budget line cost, how many questions are open, and how many classes they cover.
-- unit: questions; seconds of people's time
-- param line: String = '' -- one budget line; empty for all
SELECT
    budget_line,
    uniqExact(asked.event_id) AS questions,
    uniqExactIf(asked.event_id, answered.label != '') AS answered,
    questions - answered AS open,
    uniqExactIf(asked.event_id, answered.label = 'SKIP') AS skipped,
    uniqExactIf(answered.label, answered.label NOT IN ('', 'SKIP')) AS classes,
    round(sum(answered.seconds), 1) AS seconds_spent,
    round(seconds_spent / greatest(answered, 1), 2) AS seconds_per_answer
FROM label_requests AS asked
LEFT JOIN
(
    SELECT
        edge_case_id,
        any(toString(label)) AS label,
        sum(seconds_spent) AS seconds
    FROM label_reviews
    GROUP BY edge_case_id
) AS answered ON answered.edge_case_id = asked.edge_case_id
WHERE {line:String} = '' OR budget_line = {line:String}
GROUP BY budget_line
ORDER BY budget_line
