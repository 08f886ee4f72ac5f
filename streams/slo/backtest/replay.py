"""The past through the engine: the same code that a worker runs, over counts in order of time."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import gcd
from typing import Final

from streams.slo.backtest.rows import Counted
from streams.slo.engine import Engine
from streams.slo.judging import NOT_STATED
from streams.slo.objectives import Slo
from streams.slo.transitions import Transition

_SLO_COLUMN: Final = "slo"

Key = tuple[str, ...]
Cells = dict[int, dict[Key, tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class Replayed:
    """What one SLO would have said.

    Attributes:
        cells: Counts by bucket and key, in buckets of `slo`.
        transitions: In order of event time.
    """

    slo: Slo
    cells: Cells
    transitions: tuple[Transition, ...]


def replay(slo: Slo, rows: Iterable[Counted]) -> Replayed:
    """Judge rows by an SLO; a label of its group_by that they lack is NOT_STATED.

    Rows with a label `slo` are for the SLO of that name only. Time ends with the last row: an alert
    that then fires is left firing.
    """
    mine = [row for row in rows if row.labels.get(_SLO_COLUMN, slo.name) == slo.name]
    slo = _coarsened(slo, mine)
    cells = cells_of(slo, mine)
    found: list[Transition] = []
    for _, said in judged(slo, cells):
        found += said
    return Replayed(slo, cells, tuple(found))


def judged(slo: Slo, cells: Cells) -> Iterator[tuple[Engine, list[Transition]]]:
    """The engine after each bucket that holds a row, in order of time, and what it then said."""
    engine = Engine(slo)
    for bucket in sorted(cells):
        start_us = bucket * slo.bucket_us
        for key, (total, bad) in cells[bucket].items():
            engine.count(labels_of(slo, key), start_us, total, bad)
        # A bucket is judged when time has passed its last microsecond.
        now_us = start_us + slo.bucket_us + 1
        yield engine, engine.advance(now_us, now_us)


def _coarsened(slo: Slo, rows: Sequence[Counted]) -> Slo:
    """The SLO with the longest bucket in which nothing differs: between rows nothing changes."""
    lengths = [n for tier in slo.tiers for n in (tier.long_us, tier.short_us)]
    waits = [*slo.keep_firing_us.values(), *slo.for_us.values(), slo.no_data_after_us]
    longest = gcd(*lengths, *waits, *{row.at_us for row in rows})
    return slo if longest % slo.bucket_us else replace(slo, bucket_us=longest or slo.bucket_us)


def cells_of(slo: Slo, rows: Iterable[Counted]) -> Cells:
    """Counts by bucket and key of the SLO."""
    cells: Cells = {}
    for row in rows:
        # An event on an edge closes the bucket before it, as in judging.
        bucket = cells.setdefault(-(-row.at_us // slo.bucket_us) - 1, {})
        key = tuple(row.labels.get(label) or NOT_STATED for label in slo.group_by)
        total, bad = bucket.get(key, (0, 0))
        bucket[key] = (total + row.total, bad + row.bad)
    return cells


def labels_of(slo: Slo, key: Key) -> Mapping[str, str]:
    """A key by label."""
    return dict(zip(slo.group_by, key, strict=True))
