"""The files of `slo export --prometheus`: rules of each SLO and promtool tests of those rules."""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, Final

import yaml

from streams.slo.backtest.replay import Key
from streams.slo.objectives import Slo
from streams.slo.prometheus.promtool import Minute, minutes, unit_tests
from streams.slo.prometheus.rules import by_minute, rules

_QUIET: Final = 60
_EVENTS: Final = 1_000


def files(slos: Sequence[Slo]) -> Iterator[tuple[str, str]]:
    """Name and text of every file.

    Raises:
        NotForPrometheusError: An SLO cannot be told to a scraper of one-minute samples; names it.
    """
    for slo in slos:
        made = by_minute(slo)
        name = f"{slo.name}.rules.yaml"
        yield name, dump(rules(made))
        yield f"{slo.name}.test.yaml", dump(_example(made, name))


def dump(document: Mapping[str, Any]) -> str:
    """YAML as people read it."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=1_000, allow_unicode=True)


def _example(slo: Slo, rule_file: str) -> dict[str, Any]:
    """An hour of health, an outage until all four tiers know, an hour of health again.

    The engine says what is expected; its minutes are listed around every change, and each tenth.
    """
    key: Key = tuple(f"example-{label}" for label in slo.group_by)
    outage = _outage(slo)
    bads = [0] * _QUIET + [_EVENTS] * outage + [0] * _QUIET
    counts = {key: [(_EVENTS, bad) for bad in bads]}
    told = list(minutes(slo, counts))
    return unit_tests(slo, rule_file, counts, [one for one in told if _worth_telling(one, told)])


def _outage(slo: Slo) -> int:
    """Minutes until every tier's share of the history so far is above its limit, and five more."""
    limit = max(tier.limit for tier in slo.tiers)
    return min(12 * 60, int(_QUIET * limit / (1 - limit) + Fraction(5)) + 5)


def _worth_telling(minute: Minute, told: Sequence[Minute]) -> bool:
    beside = told[max(0, minute.number - 2) : minute.number + 1]
    changed = any((one.active, one.firing) != (minute.active, minute.firing) for one in beside)
    return changed or minute.number % 10 == 0


class _Dumper(yaml.SafeDumper):
    """Nothing is an alias: each rule can be read alone."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the library's signature
        return True
