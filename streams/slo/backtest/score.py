"""How good the alerts were against known incidents, in the terms of the SRE Workbook, chapter 5.

An alert counts for an incident when it overlaps [start, end + short window]. An incident is
significant when it spends at least 2 % of the period's error budget. Precision is the share of
alerts that met a significant incident: of two alerts for one incident each counts. Recall is the
share of significant incidents that an alert met: each incident counts once.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Final

from schemas.records import Severity
from streams.slo.backtest.episodes import Episode, episodes, flaps
from streams.slo.backtest.replay import Replayed
from streams.slo.backtest.rows import Incident
from streams.slo.backtest.spending import Spending

SIGNIFICANT: Final = Fraction(2, 100)
DAY_US: Final = 86_400_000_000


class Case:
    """An incident, and how fast it spent the budget of the SLO it hurt most."""

    def __init__(self, incident: Incident, replays: Sequence[Replayed]) -> None:
        self.incident = incident
        self._spendings = [Spending(one, incident) for one in replays]
        self.significant = self.spent(incident.end_us) >= SIGNIFICANT

    def spent(self, until_us: int) -> Fraction:
        """Share of the budget that went from its start on."""
        shares = (one.share(self.incident.start_us, until_us) for one in self._spendings)
        return max(shares, default=Fraction(0))


def score(replays: Sequence[Replayed], incidents: Sequence[Incident]) -> dict[str, Any]:
    """All figures, of all alerts and by severity; times in seconds, shares from 0 to 1.

    Returns:
        incidents, significant, detected (of all incidents), alerts, true_alerts, precision, recall,
        detection_p50_s and so on; None where there is nothing to take a share of.
    """
    alerts = [episode for one in replays for episode in episodes(one)]
    cases = [Case(incident, replays) for incident in incidents]
    days = max((_span_us(one) for one in replays), default=0) / DAY_US
    pages = sum(alert.severity is Severity.PAGE for alert in alerts)
    return {
        **_figures(alerts, cases),
        "pages_a_day": round(pages / days, 4) if days else None,
        "flaps": flaps(alerts),
        "by_severity": {
            severity.value: _figures([one for one in alerts if one.severity is severity], cases)
            for severity in sorted({one.severity for one in alerts})
        },
    }


def _figures(alerts: Sequence[Episode], cases: Sequence[Case]) -> dict[str, Any]:
    significant = [case for case in cases if case.significant]
    right = [one for one in alerts if any(one.meets(case.incident) for case in significant)]
    met = [(case, hits) for case in cases if (hits := _hits(alerts, case))]
    recalled = sum(case.significant for case, _ in met)
    firsts = [(case, min(hit.start_us for hit in hits)) for case, hits in met]
    detection = [max(0, first - case.incident.start_us) for case, first in firsts]
    reset = [
        max(0, end_us - case.incident.end_us)
        for case, hits in met
        if (end_us := _end(hits)) is not None
    ]
    spent = [float(case.spent(first)) for case, first in firsts]
    return {
        "incidents": len(cases),
        "significant": len(significant),
        "detected": len(met),
        "alerts": len(alerts),
        "true_alerts": len(right),
        "precision": _share(len(right), len(alerts)),
        "recall": _share(recalled, len(significant)),
        "detection_p50_s": _seconds(detection, 50),
        "detection_p95_s": _seconds(detection, 95),
        "reset_p50_s": _seconds(reset, 50),
        "reset_p95_s": _seconds(reset, 95),
        "budget_spent_before_alert": round(_nearest(spent, 50), 6) if spent else None,
    }


def _hits(alerts: Sequence[Episode], case: Case) -> list[Episode]:
    return [alert for alert in alerts if alert.meets(case.incident)]


def _end(hits: Sequence[Episode]) -> int | None:
    """When the last of them stopped; None: one still fires."""
    ends = [hit.end_us for hit in hits if hit.end_us is not None]
    return max(ends) if len(ends) == len(hits) else None


def _span_us(replayed: Replayed) -> int:
    if not replayed.cells:
        return 0
    return (max(replayed.cells) - min(replayed.cells) + 1) * replayed.slo.bucket_us


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 6) if whole else None


def _seconds(times_us: Sequence[int], percent: int) -> float | None:
    return _nearest([time / 1_000_000 for time in times_us], percent) if times_us else None


def _nearest(values: Sequence[float], percent: int) -> float:
    """Nearest-rank percentile: always one of the values."""
    return sorted(values)[max(0, -(-len(values) * percent // 100) - 1)]
