"""Counts of an SLO from the stored inference events, in the engine's own buckets."""

from typing import Final

from consumers.clickhouse.client import native
from infra.settings import ClickHouseSettings
from streams.slo.backtest.rows import Counted
from streams.slo.judging import NOT_STATED
from streams.slo.objectives import Slo

# A device's re-send is a row of its own with the same event_id and counts once. A clock more than
# two minutes ahead of the broker is replaced by the broker's, as in streams.slo.judging.
_SQL: Final = """
SELECT
    {labels},
    intDiv(at + {{bucket:Int64}} - 1, {{bucket:Int64}}) * {{bucket:Int64}} AS ends,
    sum(toInt64(expected) - warmup) AS total,
    sum(toInt64(late) + expected - produced) AS bad
FROM
(
    SELECT
        *,
        toUnixTimestamp64Micro(if(
            window_end > _ingested_at + INTERVAL 2 MINUTE, _ingested_at, window_end
        )) AS at
    FROM inference_events
    WHERE deadline_us = {{deadline:Int64}}
      AND _ingested_at >= fromUnixTimestamp64Micro({{begin:Int64}}) - INTERVAL 10 MINUTE
      AND at > {{begin:Int64}} AND at <= {{end:Int64}}
    ORDER BY _ingested_at
    LIMIT 1 BY event_id
)
GROUP BY {columns}, ends
ORDER BY ends
"""


def stored(clickhouse: ClickHouseSettings, slo: Slo, begin_us: int, end_us: int) -> list[Counted]:
    """Counts by key and bucket of the events in (begin, end], UTC microseconds.

    Raises:
        UnreachableError: ClickHouse does not answer.
        ClickHouseError: It refused the query.
    """
    names = slo.group_by
    labels = [f"ifNull(toString({name}), '{NOT_STATED}') AS label_{name}" for name in names]
    columns = [f"label_{name}" for name in names]
    statement = _SQL.format(labels=", ".join(labels), columns=", ".join(columns))
    values = {
        "bucket": slo.bucket_us,
        "deadline": slo.threshold_us,
        "begin": begin_us,
        "end": end_us,
    }
    with native(clickhouse) as client:
        rows = client.execute(statement, values)
    return [
        Counted(ends, {**dict(zip(names, found, strict=True)), "slo": slo.name}, total, bad)
        for *found, ends, total, bad in rows
    ]
