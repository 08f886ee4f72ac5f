"""SLOs, their keys and windows as the SLO commands show them."""

from collections.abc import Iterator
from typing import Any

from schemas import moments
from schemas.durations import spell
from streams.slo.explaining import Explanation, TierReading, WindowReading
from streams.slo.objectives import Slo
from streams.slo.standing import Standing


def standing_row(one: Standing) -> dict[str, Any]:
    """One key as `list` shows it."""
    read = one.explanation
    return {
        "key": one.identity,
        "budget_left": f"{read.budget.remaining:.1%}",
        "burn": round(float(max(tier.long.burn for tier in read.tiers)), 2),
        "alerts": ", ".join(f"{alert.severity} {alert.state}" for alert in read.alerts),
        "at": moments.spell(read.at_us),
    }


def budget_row(one: Standing) -> dict[str, Any]:
    """One key as `budget` shows it."""
    left = one.explanation.budget
    lasts = left.exhaustion_s
    return {
        "key": one.identity,
        "promised": f"{float(one.explanation.slo.objective):.4%}",
        "period": spell(one.explanation.slo.period_us),
        "budget_left": round(left.remaining, 6),
        "lasts_s": None if lasts is None else round(lasts),
        "lasts": "" if lasts is None else _about(lasts),
        "at": moments.spell(one.explanation.at_us),
    }


def promise(slo: Slo) -> Iterator[tuple[str, Any]]:
    """What an SLO promises and when it alerts, as `get` shows it."""
    yield "promise", f"{float(slo.objective):.4%} of the frames within {spell(slo.threshold_us)}"
    yield "service", slo.service
    yield "budget period", spell(slo.period_us)
    yield "keys by", f"{', '.join(slo.group_by)}; at most {slo.max_keys}"
    yield "mode", f"{slo.mode}, from {slo.min_bad} bad and {slo.min_events} events on"
    yield "told to", "nobody (shadow)" if slo.shadow else slo.owner or "everybody on call"
    for tier in slo.tiers:
        yield (
            f"{tier.severity.lower()} {spell(tier.long_us)} / {spell(tier.short_us)}",
            f"burn above {float(tier.factor):.4g} in both windows: {float(tier.limit):.2%} bad",
        )
    for severity in slo.severities:
        waits = f"after {spell(slo.for_us[severity])}" if slo.for_us[severity] else "at once"
        held = spell(slo.keep_firing_us[severity]) if slo.keep_firing_us[severity] else "0s"
        yield f"{severity.lower()} fires", f"{waits}; resolves after {held} of health"
    yield "silent after", spell(slo.no_data_after_us)
    yield "bucket, lateness", f"{spell(slo.bucket_us)}, {spell(slo.lateness_us) or '0s'}"
    yield "runbook", slo.runbook_url


def explained(one: Standing) -> dict[str, Any]:
    """One key as `explain` shows it."""
    read = one.explanation
    lasts = read.budget.exhaustion_s
    return {
        "key": one.identity,
        "at": moments.spell(read.at_us),
        "alerts": ", ".join(_alerts(read)) or "none",
        "budget_left": f"{read.budget.remaining:.2%}",
        "budget_lasts": "nothing burns" if lasts is None else _about(lasts),
        "late_events": read.late_events,
        "tiers": [_tier(read.slo, tier) for tier in read.tiers],
    }


def _alerts(read: Explanation) -> Iterator[str]:
    for alert in read.alerts:
        told = f"{alert.severity} {alert.state} since {moments.spell(alert.since_us)}"
        if alert.false_since_us is not None:
            told += f", condition false since {moments.spell(alert.false_since_us)}"
        if alert.empty_since_us is not None:
            told += f", no data since {moments.spell(alert.empty_since_us)}"
        yield told + (", flapping" if alert.flapping else "")


def _tier(slo: Slo, tier: TierReading) -> dict[str, Any]:
    return {
        "severity": tier.tier.severity.value,
        "factor": float(tier.tier.factor),
        "active": tier.active,
        "next": _next(slo, tier),
        "long": _window(tier.long),
        "short": _window(tier.short),
    }


def _window(window: WindowReading) -> dict[str, Any]:
    return {
        "window": spell(window.length_us),
        "bad": window.bad,
        "events": window.total,
        "burn": round(float(window.burn), 4),
        "bad_allowed": round(float(window.threshold), 2),
        "exceeded": window.exceeded,
    }


def window_rows(tier: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Both windows of a tier of `explained`."""
    for name in ("long", "short"):
        yield {
            "severity": tier["severity"] if name == "long" else "",
            **tier[name],
            "factor": tier["factor"],
            "next": tier["next"] if name == "long" else "",
        }


def _next(slo: Slo, tier: TierReading) -> str:
    """What would have to happen for the tier to become true, or false again."""
    if tier.active:
        clears = moments.spell(tier.clears_us or 0)
        return f"clears at {clears} if no bad event comes and traffic goes on"
    if tier.more_bad is None:
        return "cannot fire: more bad events are more events expected"
    return f"fires with {tier.more_bad} more bad events within {spell(tier.tier.short_us)}" + (
        f" (of at least {slo.min_events} events)" if slo.min_events else ""
    )


def _about(seconds: float) -> str:
    """A time in the unit that people would say it in."""
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} seconds"
