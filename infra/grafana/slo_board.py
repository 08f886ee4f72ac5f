"""The SLO dashboard: for each SLO its budget, its burn by tier against the threshold, its alerts.

SQL for Grafana's ClickHouse data source (grafana-clickhouse-datasource): $__timeFilter(column) and
$__fromTime, $__toTime are its macros, ${hardware:singlequote} is Grafana's.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

from schemas.durations import SECOND_US, spell
from streams.slo.objectives import Slo, Tier

SOURCE: Final = {"type": "grafana-clickhouse-datasource", "uid": "${datasource}"}
_TIME_SERIES: Final = 0
_TABLE: Final = 1

# Every minute of every key, so that a window is a range of minutes and not of rows.
_COUNTS: Final = """
    SELECT
        minute, release_id, hardware,
        sum(m.expected) - sum(m.warmup) AS total,
        sum(m.late) + sum(m.expected) - sum(m.produced) AS bad
    FROM latency_minutes AS m
    WHERE m.deadline_us = {deadline}
      AND m.hardware IN (${{hardware:singlequote}})
      AND m.minute >= $__fromTime - INTERVAL {before} SECOND AND m.minute <= $__toTime
    GROUP BY minute, release_id, hardware"""
_BURN: Final = """SELECT time, key, burn FROM
(
    SELECT
        minute AS time,
        concat(release_id, ' ', hardware) AS key,
        sum(bad) OVER w / greatest(sum(total) OVER w, 1) / {budget} AS burn
    FROM
    ({counts}
    )
    WINDOW w AS (
        PARTITION BY release_id, hardware ORDER BY toUnixTimestamp(minute)
        RANGE BETWEEN {reach} PRECEDING AND CURRENT ROW
    )
)
WHERE $__timeFilter(time)
ORDER BY time, key"""
_BUDGET: Final = """SELECT
    concat(release_id, ' ', hardware) AS key,
    sum(total) AS events,
    sum(bad) AS bad_events,
    1 - sum(bad) / greatest(sum(total), 1) AS kept,
    1 - bad_events / greatest(events, 1) / {budget} AS budget_left
FROM
({counts}
)
GROUP BY release_id, hardware
ORDER BY budget_left"""
_LATENCY: Final = """SELECT
    minute AS time,
    concat(release_id, ' ', hardware) AS key,
    bad / greatest(total, 1) AS bad_share
FROM
({counts}
)
WHERE $__timeFilter(time)
ORDER BY time, key"""
_ALERTS: Final = """SELECT
    evaluated_at AS time, severity, state, reason,
    concat(labels['release_id'], ' ', labels['hardware']) AS key,
    annotations['summary'] AS summary
FROM alerts
WHERE slo_name = '{slo}' AND $__timeFilter(evaluated_at)
ORDER BY time DESC
LIMIT 200"""
_HARDWARE: Final = "SELECT DISTINCT hardware FROM latency_minutes ORDER BY hardware"


def board(slos: Sequence[Slo]) -> str:
    """The dashboard as Grafana imports it."""
    panels: list[dict[str, Any]] = []
    for slo in slos:
        for made in _panels(slo):
            panels.append({"id": len(panels) + 1, **made, "gridPos": _place(len(panels), made)})
    return json.dumps(
        {
            "title": "Latency SLOs",
            "uid": "fleetloop-slo",
            "schemaVersion": 39,
            "version": 1,
            "editable": True,
            "timezone": "utc",
            "time": {"from": "now-6h", "to": "now"},
            "refresh": "1m",
            "tags": ["fleetloop"],
            "templating": {"list": [_datasource(), _hardware()]},
            "panels": panels,
        },
        indent=2,
    )


def _panels(slo: Slo) -> list[dict[str, Any]]:
    promise = f"{slo.name}: {float(slo.objective):.2%} within {spell(slo.threshold_us)}"
    period = _counts(slo, slo.period_us)
    return [
        {"type": "row", "title": promise, "panels": [], "collapsed": False},
        _panel("table", f"budget of {spell(slo.period_us)}", _BUDGET, slo, counts=period),
        _panel("timeseries", "share of bad frames", _LATENCY, slo, counts=_counts(slo, 0)),
        *(_tier(slo, tier) for tier in slo.tiers),
        _panel("table", "alerts", _ALERTS, slo),
    ]


def _tier(slo: Slo, tier: Tier) -> dict[str, Any]:
    """Long and short burn of one tier against its factor."""
    title = f"{tier.severity.lower()}: burn over {spell(tier.long_us)} and {spell(tier.short_us)}"
    long, short = (
        _BURN.format(
            counts=_counts(slo, length), budget=float(slo.budget), reach=length // SECOND_US - 60
        )
        for length in (tier.long_us, tier.short_us)
    )
    made = _panel("timeseries", title, long, slo)
    made["targets"].append(_target("B", short, _TIME_SERIES))
    steps = [{"color": "green", "value": None}, {"color": "red", "value": float(tier.factor)}]
    made["fieldConfig"]["defaults"] |= {
        "thresholds": {"mode": "absolute", "steps": steps},
        "custom": {"thresholdsStyle": {"mode": "line"}},
    }
    return made


def _panel(kind: str, title: str, sql: str, slo: Slo, **parts: str) -> dict[str, Any]:
    if parts or sql is _ALERTS:
        sql = sql.format(slo=slo.name, budget=float(slo.budget), **parts)
    form = _TABLE if kind == "table" else _TIME_SERIES
    return {
        "type": kind,
        "title": title,
        "datasource": SOURCE,
        "fieldConfig": {"defaults": {}, "overrides": []},
        "options": {},
        "targets": [_target("A", sql, form)],
    }


def _target(name: str, sql: str, form: int) -> dict[str, Any]:
    return {"refId": name, "datasource": SOURCE, "rawSql": sql, "format": form, "editorType": "sql"}


def _counts(slo: Slo, before_us: int) -> str:
    return _COUNTS.format(deadline=slo.threshold_us, before=before_us // SECOND_US)


def _place(index: int, panel: dict[str, Any]) -> dict[str, int]:
    if panel["type"] == "row":
        return {"x": 0, "y": index * 8, "w": 24, "h": 1}
    return {"x": index % 2 * 12, "y": index * 8 // 2, "w": 12, "h": 8}


def _datasource() -> dict[str, Any]:
    return {"name": "datasource", "type": "datasource", "query": SOURCE["type"]}


def _hardware() -> dict[str, Any]:
    return {
        "name": "hardware",
        "type": "query",
        "datasource": SOURCE,
        "query": _HARDWARE,
        "multi": True,
        "includeAll": True,
        "refresh": 2,
    }
