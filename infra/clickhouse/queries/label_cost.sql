-- title: Label cost
-- answers: What the labels of a budget line cost, how many questions are open, and how many classes they cover.
-- unit: encounters asked about; seconds of people's time
-- from: encounter_answers
-- param line: String = '' -- one budget line; empty for all
-- param device: String = '' -- encounters of one device; empty for all
SELECT
    line AS budget_line,
    count() AS questions,
    countIf(notEmpty(given)) AS answered,
    questions - answered AS open,
    countIf(given = ['SKIP']) AS skipped,
    uniqExactArray(arrayFilter(label -> label != 'SKIP', given)) AS classes,
    round(sum(seconds), 1) AS seconds_spent,
    round(seconds_spent / greatest(answered, 1), 2) AS seconds_per_answer
FROM
(
    SELECT
        max(budget_line) AS line,
        groupUniqArrayArray(labels) AS given,
        arraySum(answer -> answer.2, groupUniqArrayMerge(answers)) AS seconds
    FROM encounter_answers
    WHERE {device:String} = '' OR startsWith(encounter_id, concat({device:String}, '/'))
    GROUP BY encounter_id
    HAVING line != '' AND ({line:String} = '' OR line = {line:String})
)
GROUP BY budget_line
ORDER BY budget_line
