"""Unit tests for promtool: counters minute by minute, and what the engine says at each minute."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any, Final

from schemas.durations import spell
from schemas.records import AlertState, Severity
from streams.slo.backtest.replay import Key, judged, labels_of
from streams.slo.objectives import Slo, Tier
from streams.slo.prometheus.rules import ACTIVE, BAD_EVENTS, EVENTS, INTERVAL, annotations
from streams.slo.wording import ALERTNAME

_TOLD: Final = frozenset({AlertState.FIRING, AlertState.SUPPRESSED})

Counts = Mapping[Key, Sequence[tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class Minute:
    """What the engine says at the end of a minute.

    Attributes:
        number: Minutes from the beginning.
        active: Tiers that are true, with their keys.
        firing: Alerts; a muted ticket is one, since Prometheus leaves muting to Alertmanager.
    """

    number: int
    active: tuple[tuple[Tier, Key], ...]
    firing: tuple[tuple[Severity, Key], ...]


def minutes(slo: Slo, counts: Counts) -> Iterator[Minute]:
    """Run the engine over (total, bad) of every minute.

    Args:
        slo: In buckets of a minute.
        counts: By key; every key as long as the others.
    """
    firing: dict[tuple[Severity, Key], None] = {}
    columns = zip(*counts.values(), strict=True)
    cells = {at: dict(zip(counts, column, strict=True)) for at, column in enumerate(columns)}
    for number, (engine, said) in enumerate(judged(slo, cells), start=1):
        for step in said:
            name = (step.severity, tuple(step.labels[label] for label in slo.group_by))
            if step.state in _TOLD:
                firing[name] = None
            elif step.state is AlertState.RESOLVED:
                firing.pop(name, None)
        active = tuple(
            (tier, key)
            for key in counts
            for tier, true in zip(slo.tiers, engine.active(labels_of(slo, key)), strict=True)
            if true
        )
        yield Minute(number, active, tuple(firing))


def unit_tests(
    slo: Slo,
    rule_file: str,
    counts: Counts,
    judged_minutes: Sequence[Minute],
    resets: Collection[int] = (),
) -> dict[str, Any]:
    """A file for `promtool test rules`: at every minute given, exactly these tiers and alerts.

    Args:
        slo: As for `minutes`.
        rule_file: Name of the file with its rules, beside the test.
        counts: What the counters count.
        judged_minutes: What to compare; minute 0 is before any event.
        resets: Minutes at whose beginning the counters start again from 0.
    """
    series = [
        {"series": _selector(counter, {"slo": slo.name, **labels_of(slo, key)}), "values": values}
        for key, held in counts.items()
        for counter, values in (
            (EVENTS, counter_values([total for total, _ in held], resets)),
            (BAD_EVENTS, counter_values([bad for _, bad in held], resets)),
        )
    ]
    return {
        "rule_files": [rule_file],
        "evaluation_interval": INTERVAL,
        "tests": [
            {
                "interval": INTERVAL,
                "input_series": series,
                "promql_expr_test": [_tiers(slo, minute) for minute in judged_minutes],
                "alert_rule_test": [_alerts(slo, minute) for minute in judged_minutes],
            }
        ],
    }


def counter_values(added: Sequence[int], resets: Collection[int] = ()) -> str:
    """Promtool's notation of a counter: 0, then one sample a minute; runs as start+stepxcount."""
    values = [0]
    for minute, more in enumerate(added):
        values.append(more if minute in resets else values[-1] + more)
    parts = [str(values[0])]
    steps = [(after - before, before) for before, after in pairwise(values)]
    for step, run in groupby(steps, key=lambda pair: pair[0]):
        begins = [before for _, before in run]
        first = begins[0] + step
        parts.append(f"{first}{step:+d}x{len(begins) - 1}")
    return " ".join(parts)


def _tiers(slo: Slo, minute: Minute) -> dict[str, Any]:
    return {
        "expr": f'{ACTIVE}{{slo="{slo.name}"}} == 1',
        "eval_time": f"{minute.number}m",
        "exp_samples": [
            {"labels": _selector(ACTIVE, _tier_labels(slo, tier, key)), "value": 1}
            for tier, key in minute.active
        ],
    }


def _alerts(slo: Slo, minute: Minute) -> dict[str, Any]:
    return {
        "eval_time": f"{minute.number}m",
        "alertname": ALERTNAME,
        "exp_alerts": [
            {
                "exp_labels": {
                    "slo": slo.name,
                    "severity": severity.lower(),
                    **labels_of(slo, key),
                },
                "exp_annotations": annotations(slo),
            }
            for severity, key in minute.firing
        ],
    }


def _tier_labels(slo: Slo, tier: Tier, key: Key) -> dict[str, str]:
    return {
        "slo": slo.name,
        "severity": tier.severity.lower(),
        "long": spell(tier.long_us),
        "short": spell(tier.short_us),
        **labels_of(slo, key),
    }


def _selector(name: str, labels: Mapping[str, str]) -> str:
    told = [
        f'{label}="{value}"'
        for label, given in labels.items()
        for value in [given.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")]
    ]
    return f"{name}{{{', '.join(told)}}}"
