"""What a release's validation says of a share, for every distribution: evidence against each value.

A bet that the mean of values in [0, 1] is below m pays 1 + c (m - x) / (1 - m) for a value x, which
has expectation 1 at most if the mean is m or more. So the mixture of such bets over some c exceeds
e^L with probability e^-L at most (Markov), and the m at which it does is the end of an interval
(Waudby-Smith and Ramdas 2024). It knows how alike the frames of an encounter are and is so narrower
than a bound that must take them to be all alike. A logarithm is concave: an encounter between two
parts of `spread` pays at least what is counted for it.
"""

from typing import Final

import numpy as np

from schemas.references import Reference
from streams.drift import scores
from streams.drift.scores import Floats

LEVELS: Final = (2.0, 4.0, 6.0, 8.0, 10.0, 13.0, 18.0)
"""Nats of evidence."""
STAKES: Final = np.array((0.005, 0.02, 0.05, 0.1, 0.2, 0.35, 0.55, 0.8))
"""The c of the mixture: small ones win with many encounters, great ones far out."""
_HALVINGS: Final = 30
_ALMOST: Final = 1 - 1e-12


def edges(reference: Reference) -> Floats:
    """The share beyond which validation has LEVELS of evidence, float64 [scores, 2, levels].

    The first of each two is above the validated share and rises with the level, the second is below
    and falls. 1 and 0: no share has so much evidence against it.
    """
    hits = scores.hits(reference.confidence, reference.classes, reference.flips)
    share = hits / reference.frames
    # Where nothing is known of the inside of encounters, they are taken to be all or nothing.
    counts = reference.encounters * np.column_stack((1 - share, share))
    found = np.stack((_above(counts), 1 - _above(counts[:, ::-1])), axis=1)
    if reference.spread:
        spread = np.array(reference.spread)
        found[: len(spread)] = np.stack((_above(spread), 1 - _above(spread[:, ::-1])), axis=1)
    return found


def _above(counts: Floats) -> Floats:
    """The least m with LEVELS of evidence that the mean is below it, by halving; else 1.

    Args:
        counts: Encounters by value, at equal steps from 0 to 1, float64 [scores, values].
    """
    values = np.linspace(0, 1, counts.shape[1])
    mean = counts @ values / counts.sum(axis=1)
    low = np.repeat(mean[:, None], len(LEVELS), axis=1)
    high = np.ones_like(low)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        enough = _evidence(counts, values, np.minimum(middle, _ALMOST)) >= LEVELS
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return high


def _evidence(counts: Floats, values: Floats, m: Floats) -> Floats:
    """Nats against a mean of `m` or more, [scores, levels]."""
    odds = STAKES / (1 - m)[:, :, None]
    gains = (m[:, :, None] - values)[:, :, None, :]
    paid = np.einsum("slbv,sv->slb", np.log1p(odds[..., None] * gains), counts)
    found: Floats = np.logaddexp.reduce(paid, axis=2) - np.log(len(STAKES))
    return found
