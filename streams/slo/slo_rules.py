"""What an SLO must be beyond its form: each rule tells the field and what would be right."""

from collections.abc import Iterator
from decimal import ROUND_DOWN, Context, Decimal
from fractions import Fraction
from math import prod
from typing import Final

from schemas.catalogue import CATALOGUE
from schemas.durations import spell
from schemas.topics import SLO_PARTIALS
from streams.marked_yaml import Path
from streams.slo.objectives import Mode
from streams.slo.slo_parts import SpecPart, TierPart

KEPT_US: Final = (SLO_PARTIALS.retention_ms - 6 * 3_600_000) * 1_000
"""How long counts can be read again, less the six hours that late data may take."""
_KNOWN_VALUES: Final = {
    "hardware": len(CATALOGUE.hardware),
    "region": len(CATALOGUE.regions),
    "device_class": len({one.device_class for one in CATALOGUE.hardware.values()}),
}
_FOUR_DIGITS: Final = Context(prec=4, rounding=ROUND_DOWN)

Broken = Iterator[tuple[Path, str]]


def broken(spec: SpecPart) -> Broken:
    """Every rule that a well-formed spec breaks: path below `spec`, and words."""
    yield from _grouping(spec)
    yield from _mode(spec)
    if not spec.alerting.enabled:
        yield ("alerting", "tiers"), "every tier is disabled; enable one, or remove the SLO"
    for at, tier in enumerate(spec.alerting.tiers):
        for path, rule in (*_windows(spec, tier), *_reachable(spec, tier)):
            yield ("alerting", "tiers", at, *path), rule
    yield from _twins(spec)


def _grouping(spec: SpecPart) -> Broken:
    labels = spec.alerting.group_by
    if len(set(labels)) != len(labels):
        yield ("alerting", "group_by"), f"{list(labels)} names a label twice"
    known = prod(_KNOWN_VALUES.get(label, 1) for label in set(labels))
    if known > spec.alerting.max_keys:
        yield (
            ("alerting", "max_keys"),
            (
                f"group_by makes {known} keys of the catalogue alone, more than "
                f"max_keys={spec.alerting.max_keys}; the rest would be counted together"
            ),
        )


def _mode(spec: SpecPart) -> Broken:
    if spec.alerting.mode is Mode.RATIO and spec.alerting.expected_events is not None:
        yield (
            ("alerting", "expected_events"),
            "is read in mode consumption only; write mode: consumption, or remove it",
        )


def _windows(spec: SpecPart, tier: TierPart) -> Broken:
    bucket = spec.alerting.bucket_us
    if tier.short >= tier.long:
        yield (
            ("short",),
            (
                f"{spell(tier.short)} must be below long={spell(tier.long)}; "
                f"a twelfth, {spell(tier.long // 12)}, is usual"
            ),
        )
    for name, length in (("long", tier.long), ("short", tier.short)):
        if length % bucket:
            yield (
                (name,),
                (
                    f"{spell(length)} must be a multiple of the bucket, {spell(bucket)}; "
                    f"{spell(max(1, length // bucket) * bucket)} is one"
                ),
            )
    if tier.long > KEPT_US:
        yield (
            ("long",),
            f"{spell(tier.long)} is longer than the counts are kept; at most {spell(KEPT_US)}",
        )
    elif tier.long > spec.timeWindow[0].duration:
        yield (
            ("long",),
            (
                f"{spell(tier.long)} is longer than the budget's period, "
                f"{spell(spec.timeWindow[0].duration)}"
            ),
        )


def _reachable(spec: SpecPart, tier: TierPart) -> Broken:
    given = [name for name in ("budget_share", "factor") if getattr(tier, name) is not None]
    if len(given) != 1:
        yield (
            (given[1],) if given else (),
            "write either budget_share or factor, not both"
            if given
            else "write budget_share, such as 0.02, or factor, such as 14.4",
        )
        return
    limit = spec.factor(tier) * spec.budget
    if limit >= 1:
        value = getattr(tier, given[0])
        yield (
            (given[0],),
            (
                f"{value} can never fire: it asks for {float(limit):.0%} bad events; "
                f"below {_down(Fraction(value) / limit)} it can"
            ),
        )


def _twins(spec: SpecPart) -> Broken:
    seen: dict[tuple[str, int, int], int] = {}
    for at, tier in enumerate(spec.alerting.tiers):
        first = seen.setdefault((tier.severity, tier.long, tier.short), at)
        if first != at:
            yield (
                ("alerting", "tiers", at),
                f"has severity and windows of tiers[{first}]; remove one of the two",
            )


def _down(value: Fraction) -> Decimal:
    """Four digits, never more than the value: what is advised must itself be right."""
    return _FOUR_DIGITS.divide(Decimal(value.numerator), Decimal(value.denominator))
