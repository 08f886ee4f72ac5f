"""Recording and alerting rules of an SLO, equal to the engine's conditions tier by tier.

They read two counters with the SLO's group_by labels, fleetloop_slo_events_total and
fleetloop_slo_bad_events_total, as a scraper of one-minute samples has them. What Prometheus cannot
say is left out: without data an alert of these rules resolves, ours does not (docs/slo.md).
"""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any, Final

from schemas.durations import UNITS_US, spell
from schemas.records import Severity
from streams.slo.objectives import Mode, Slo, Tier
from streams.slo.prometheus.numbers import number
from streams.slo.wording import ALERTNAME

EVENTS: Final = "fleetloop_slo_events_total"
BAD_EVENTS: Final = "fleetloop_slo_bad_events_total"
ACTIVE: Final = "slo:tier:active"
INTERVAL: Final = "1m"
MINUTE_US: Final = UNITS_US["m"]

Rule = dict[str, Any]


class NotForPrometheusError(ValueError):
    """An SLO that rules over one-minute samples cannot say; the message names why."""


def by_minute(slo: Slo) -> Slo:
    """The SLO in buckets of a minute, as a scraper of one-minute samples sees it.

    Raises:
        NotForPrometheusError: A window or a wait is no number of whole minutes, or what the period
            expects is to be learnt from the past.
    """
    lengths = [("window", n) for tier in slo.tiers for n in (tier.long_us, tier.short_us)]
    for name, by in (("for", slo.for_us), ("keep_firing_for", slo.keep_firing_us)):
        lengths += [(name, n) for n in by.values()]
    for name, length_us in lengths:
        if length_us % MINUTE_US:
            raise NotForPrometheusError(
                f"SLO {slo.name}: {name} {spell(length_us)} is not whole minutes; a scraper of "
                "one-minute samples cannot see it"
            )
    if slo.mode is Mode.CONSUMPTION and slo.expected_events is None:
        raise NotForPrometheusError(
            f"SLO {slo.name}: mode consumption without expected_events cannot be said in rules; "
            "write expected_events"
        )
    return replace(slo, bucket_us=MINUTE_US)


def rules(slo: Slo) -> dict[str, Any]:
    """The rule file of an SLO."""
    found = [*_windows(slo), *_tiers(slo), *(_alert(slo, one) for one in slo.severities)]
    return {"groups": [{"name": f"slo-{slo.name}", "interval": INTERVAL, "rules": found}]}


def active(slo: Slo, tier: Tier) -> str:
    """PromQL that is 1 while a tier is true, 0 while it is not."""
    parts = [_exceeded(slo, tier, length) for length in (tier.long_us, tier.short_us)]
    parts.append(f"({_recorded('bad_events', tier.long_us, slo)} >= bool {slo.min_bad})")
    if slo.min_events:
        parts.append(f"({_recorded('events', tier.long_us, slo)} >= bool {slo.min_events})")
    return " * ".join(parts)


def annotations(slo: Slo) -> dict[str, str]:
    """What an alert of the rules says; no counts, so that promtool can compare it."""
    share, deadline = number(slo.objective * 100), spell(slo.threshold_us)
    return {
        "summary": f"{slo.name} breaks its promise of {share} % of the frames within {deadline}",
        "runbook_url": slo.runbook_url,
    }


def _windows(slo: Slo) -> Iterator[Rule]:
    lengths = sorted({n for tier in slo.tiers for n in (tier.long_us, tier.short_us)})
    by = ", ".join(slo.group_by)
    for length in lengths:
        for name, counter in (("events", EVENTS), ("bad_events", BAD_EVENTS)):
            counted = f'increase({counter}{{slo="{slo.name}"}}[{spell(length)}])'
            yield _record(slo, f"slo:{name}:increase{spell(length)}", f"sum by ({by}) ({counted})")
        bad, events = (_recorded(name, length, slo) for name in ("bad_events", "events"))
        yield _record(slo, f"slo:error_ratio:rate{spell(length)}", f"{bad} / {events}")


def _tiers(slo: Slo) -> Iterator[Rule]:
    for tier in slo.tiers:
        labels = {
            "severity": tier.severity.lower(),
            "long": spell(tier.long_us),
            "short": spell(tier.short_us),
        }
        yield _record(slo, ACTIVE, active(slo, tier), **labels)


def _alert(slo: Slo, severity: Severity) -> Rule:
    by = ", ".join(("slo", "severity", *slo.group_by))
    tiers = f'{ACTIVE}{{slo="{slo.name}", severity="{severity.lower()}"}}'
    made: Rule = {"alert": ALERTNAME, "expr": f"max by ({by}) ({tiers}) == 1"}
    if wait := slo.for_us[severity]:
        made["for"] = spell(wait)
    if hold := slo.keep_firing_us[severity]:
        made["keep_firing_for"] = spell(hold)
    return {**made, "labels": {"severity": severity.lower()}, "annotations": annotations(slo)}


def _record(slo: Slo, name: str, expression: str, **labels: str) -> Rule:
    return {"record": name, "expr": expression, "labels": {"slo": slo.name, **labels}}


def _exceeded(slo: Slo, tier: Tier, length_us: int) -> str:
    if slo.mode is Mode.CONSUMPTION:
        expected = Fraction((slo.expected_events or 0) * length_us, slo.period_us)
        return f"({_recorded('bad_events', length_us, slo)} > bool {number(tier.limit * expected)})"
    return f"({_recorded('error_ratio', length_us, slo)} > bool {number(tier.limit)})"


def _recorded(name: str, length_us: int, slo: Slo) -> str:
    how = "rate" if name == "error_ratio" else "increase"
    return f'slo:{name}:{how}{spell(length_us)}{{slo="{slo.name}"}}'
