"""Series on which the engine and Prometheus' own evaluator must agree, minute by minute."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import pi, sin
from random import Random
from typing import Any, Final

from schemas.records import Severity
from streams.slo.objectives import Mode, Slo, Tier
from tests import slo_log
from tests.slo_log import DAY, HOUR, MINUTE

KEY: Final = ("HW3", "release-1")
EVENTS: Final = 1_000
H: Final = 60
D: Final = 24 * H

Minutes = list[tuple[int, int]]


def workbook(objective: str, **over: Any) -> Slo:
    """The four tiers of the SRE Workbook in buckets of a minute, alerts held as by default."""

    def tier(long_us: int, short_us: int, share: str, severity: Severity) -> Tier:
        return slo_log.tier(long_us, short_us, share, objective=objective, severity=severity)

    made = slo_log.slo(
        tier(HOUR, 5 * MINUTE, "0.02", Severity.PAGE),
        tier(6 * HOUR, 30 * MINUTE, "0.05", Severity.PAGE),
        tier(DAY, 2 * HOUR, "0.1", Severity.TICKET),
        tier(3 * DAY, 6 * HOUR, "0.1", Severity.TICKET),
        objective=Fraction(objective),
        period_us=30 * DAY,
        bucket_us=MINUTE,
        keep_firing_us={Severity.PAGE: 5 * MINUTE, Severity.TICKET: 30 * MINUTE},
    )
    return replace(made, **over)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One series.

    Attributes:
        counts: By key, (total, bad) of each minute. short, full: for the suite and for the soak,
            where a clean history of three days comes first.
        table: First minute of the incident at which each tier is true, and minutes that it goes on
            after the end, as slo.md found them; None: never.
        resets: Minutes at whose beginning the counters start again.
        differs: Its alerts differ from Prometheus' by design; the tiers never do.
    """

    name: str
    slo: Slo
    short: Mapping[tuple[str, ...], Minutes]
    full: Mapping[tuple[str, ...], Minutes] | None = None
    table: Sequence[tuple[int, int] | None] = ()
    incident: tuple[int, int] = (0, 0)
    resets: Sequence[int] = field(default=())
    differs: bool = False


def incident(
    objective: str, name: str, share: str, length: int, table: Sequence[tuple[int, int] | None]
) -> Case:
    """A steady share of bad events after a clean history, at 1,000 events a minute."""
    bad = int(Fraction(share) * EVENTS)

    def counts(before: int, during: int, after: int) -> Mapping[tuple[str, ...], Minutes]:
        return {
            KEY: [
                (EVENTS, bad if before <= at < before + during else 0)
                for at in range(before + during + after)
            ]
        }

    return Case(
        name=name,
        slo=workbook(objective),
        short=counts(2 * H, min(length, 4 * H), 3 * H),
        full=counts(3 * D, length, 7 * H),
        table=table,
        incident=(3 * D, 3 * D + length),
    )


def random_walk(seed: int) -> Minutes:
    """The share of bad events wanders between none and a third, traffic between 1 and 200."""
    draw = Random(seed)
    share, traffic, made = 0.0, 60.0, []
    for _ in range(10 * H):
        share = min(0.35, max(0.0, share + draw.gauss(0, 0.02)))
        traffic = min(200.0, max(1.0, traffic + draw.gauss(0, 8)))
        total = int(traffic)
        made.append((total, sum(draw.random() < share for _ in range(total))))
    return made


def day_and_night(seed: int) -> Minutes:
    """Traffic of a day in ten hours, from 2 to 400 a minute, and an outage at its busiest."""
    draw = Random(seed)
    made = []
    for minute in range(10 * H):
        total = int(201 - 199 * sin(2 * pi * (minute / (10 * H) + 0.25)))
        share = 0.4 if 5 * H <= minute < 6 * H else 0.005
        made.append((total, sum(draw.random() < share for _ in range(total))))
    return made


def low_traffic(seed: int) -> Minutes:
    """Ten events an hour, one in eight of them bad."""
    draw = Random(seed)
    return [
        (total, sum(draw.random() < 0.125 for _ in range(total)))
        for total in (int(draw.random() < 1 / 6) for _ in range(10 * H))
    ]


def gaps() -> Minutes:
    """Traffic stops in the middle of an outage for two hours, and once in health."""
    outage, silent = range(2 * H, 5 * H), (*range(3 * H, 5 * H - 20), *range(7 * H, 8 * H))
    return [
        (0, 0) if at in silent else (EVENTS, EVENTS // 2 if at in outage else 0)
        for at in range(10 * H)
    ]


def at_the_limit() -> Minutes:
    """Exactly 14.4 % bad, on which nothing may fire on the fast page, then one event more."""
    return [(EVENTS, 144 + (at == 5 * H)) for at in range(7 * H)]


def two_keys() -> dict[tuple[str, ...], Minutes]:
    """Two keys of which only one is hurt."""
    hurt = [(EVENTS, 300 if 2 * H <= at < 3 * H else 0) for at in range(6 * H)]
    return {KEY: hurt, ("HW4", 'release "2"\\'): [(50, 0)] * (6 * H)}


def consumed(share: Callable[[int], int]) -> Case:
    """Mode consumption, against the events that the period expects."""
    made = workbook("0.99")
    slo = replace(made, mode=Mode.CONSUMPTION, expected_events=30 * D * 70, min_events=2_000)
    return Case(
        name="consumption",
        slo=slo,
        short={KEY: [(100, share(at)) for at in range(8 * H)]},
    )


CASES: Final = (
    incident("0.99", "all bad for 30 min", "1", 30, [(9, 4), (22, 28), None, None]),
    incident("0.99", "10 % bad for 6 h", "0.1", 6 * H, [None, (217, 11), None, None]),
    incident("0.99", "4 % bad for 24 h", "0.04", D, [None, None, (1081, 29), (1081, 269)]),
    incident("0.999", "all bad for 10 min", "1", 10, [(1, 4), (3, 29), (5, 119), (5, 359)]),
    incident("0.999", "15 % bad for 10 min", "0.15", 10, [(6, 4), None, None, None]),
    incident("0.999", "0.5 % bad for 48 h", "0.005", 2 * D, [None, None, (865, 47), (865, 287)]),
    Case(name="low traffic", slo=workbook("0.99"), short={KEY: low_traffic(4)}, differs=True),
    Case(name="gaps", slo=workbook("0.99"), short={KEY: gaps()}, differs=True),
    Case(
        name="resets",
        slo=workbook("0.99"),
        short={KEY: random_walk(9)},
        resets=(30, 31, 200, 431),
    ),
    Case(name="day and night", slo=workbook("0.99"), short={KEY: day_and_night(5)}),
    Case(name="random walk 1", slo=workbook("0.99"), short={KEY: random_walk(1)}),
    Case(name="random walk 2", slo=workbook("0.98"), short={KEY: random_walk(2)}),
    Case(name="random walk 3", slo=workbook("0.97", min_bad=40), short={KEY: random_walk(3)}),
    Case(name="at the limit", slo=workbook("0.99"), short={KEY: at_the_limit()}),
    Case(name="two keys", slo=workbook("0.99"), short=two_keys()),
    consumed(lambda at: 30 if 2 * H <= at < 3 * H else 0),
)
