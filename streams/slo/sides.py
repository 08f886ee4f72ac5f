"""Counts beside the key: how much of a cell each release, hardware generation and region carries.

They name the suspects of an alert whose SLO does not tell keys apart by these labels.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from schemas.records import SideCount

LABELS: Final = ("hardware", "region", "release_id")
MAX_VALUES: Final = 32
OVERFLOW: Final = "__overflow__"

Ints = npt.NDArray[np.int64]
Sides = tuple[SideCount, ...]


def beside(group_by: Sequence[str]) -> tuple[str, ...]:
    """Labels that are counted beside a key of these."""
    return tuple(label for label in LABELS if label not in group_by)


def count(
    label: str, values: Sequence[str], codes: Ints, groups: Ints, sums: tuple[Ints, Ints], size: int
) -> list[list[SideCount]]:
    """What each value of one label adds to each group.

    Args:
        label: Its name.
        values: Its values, the code of a value is its place.
        codes: Value of each row.
        groups: Group of each row.
        sums: Events, and bad events, of each row.
        size: Number of groups.
    """
    pairs, at = np.unique(groups * len(values) + codes, return_inverse=True)
    total, bad = np.zeros((2, len(pairs)), dtype=np.int64)
    np.add.at(total, at, sums[0])
    np.add.at(bad, at, sums[1])
    found: list[list[SideCount]] = [[] for _ in range(size)]
    for pair, events, lost in zip(pairs.tolist(), total.tolist(), bad.tolist(), strict=True):
        group, code = divmod(pair, len(values))
        found[group].append(SideCount(label=label, value=values[code], total=events, bad=lost))
    return found


def merge(held: Sides, more: Iterable[SideCount]) -> Sides:
    """Sum by label and value; values beyond 32 of a label are counted together."""
    sums = {(side.label, side.value): (side.total, side.bad) for side in held}
    known = dict.fromkeys(LABELS, 0)
    for label, _ in sums:
        known[label] += 1
    for side in sorted(more, key=lambda one: (one.label, one.value)):
        name = (side.label, side.value)
        if name not in sums and known[side.label] >= MAX_VALUES:
            name = (side.label, OVERFLOW)
        if name not in sums:
            known[side.label] += 1
        total, bad = sums.get(name, (0, 0))
        sums[name] = (total + side.total, bad + side.bad)
    return tuple(
        SideCount(label=label, value=value, total=total, bad=bad)
        for (label, value), (total, bad) in sorted(sums.items())
    )
