"""How well a release's validation knows a share: an interval that holds for every distribution."""

import math
from typing import Final

import numpy as np

from schemas.references import Reference
from streams.drift import scores
from streams.drift.scores import Floats

_HALVINGS: Final = 50


def intervals(reference: Reference, alpha: float) -> tuple[Floats, Floats]:
    """Bounds of each score's true share, low and high, float64 [scores] each.

    Chernoff's bound in Hoeffding's form (1963, theorem 1): the mean of n independent values in
    [0, 1] of expectation m is at or beyond p with probability at most exp(-n kl(p, m)). The values
    are encounters, of which nothing is assumed inside: their frames may all be alike.

    Args:
        reference: The release's own validation.
        alpha: Chance that any of the bounds is wrong.
    """
    counted = scores.hits(reference.confidence, reference.classes, reference.flips)
    share = counted / reference.frames
    spent = alpha * scores.weights(len(reference.classes)) / 2
    room = np.log(1.0 / spent) / reference.encounters
    return _bound(share, room, np.zeros_like(share)), _bound(share, room, np.ones_like(share))


def _bound(share: Floats, room: Floats, far: Floats) -> Floats:
    """The share nearest to `far` that is not refuted, by halving."""
    near, far = share.copy(), far.copy()
    for _ in range(_HALVINGS):
        middle = (near + far) / 2
        inside = _divergence(share, middle) <= room
        near, far = np.where(inside, middle, near), np.where(inside, far, middle)
    return near


def _divergence(share: Floats, mean: Floats) -> Floats:
    """kl(Bernoulli(share), Bernoulli(mean)) in nats."""
    mean = np.clip(mean, math.ulp(0.0), 1.0 - 2.0**-53)
    with np.errstate(divide="ignore", invalid="ignore"):
        hit = np.where(share > 0, share * np.log(share / mean), 0.0)
        miss = np.where(share < 1, (1 - share) * np.log((1 - share) / (1 - mean)), 0.0)
    found: Floats = hit + miss
    return found
