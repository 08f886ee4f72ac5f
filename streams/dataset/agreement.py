"""How far people who answered the same questions agree, beyond what chance would give."""

from collections import Counter
from collections.abc import Iterable, Sequence

from schemas.records import Agreement


def agreement(units: Iterable[Sequence[str]]) -> Agreement | None:
    """Agreement over encounters; None when nobody labelled the same as another.

    Alpha is Krippendorff's for nominal data and any number of people, some of whom did not answer:
    1 - (n - 1) D_o / D_e over the coincidences of labels within encounters (K. Krippendorff,
    Computing Krippendorff's Alpha-Reliability, 2011, section C). It is not defined when all
    labels are of one class. For two people and many encounters it nears Cohen's kappa.

    Args:
        units: For each encounter the labels given to it, by people who did not know of each other.
    """
    paired = [Counter(labels) for labels in units if len(labels) > 1]
    if not paired:
        return None
    totals: Counter[str] = sum(paired, Counter())
    n = totals.total()
    disagreeing = sum(_differing(unit) / (unit.total() - 1) for unit in paired)
    by_chance = _differing(totals) / (n - 1)
    return Agreement(
        encounters=len(paired),
        agreeing=sum(len(unit) == 1 for unit in paired),
        alpha=1.0 - disagreeing / by_chance if by_chance else None,
    )


def _differing(counts: Counter[str]) -> int:
    """Ordered pairs of unlike labels."""
    n = counts.total()
    return n * n - sum(count * count for count in counts.values())
