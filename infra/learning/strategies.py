"""Rules by which labels are spent: what a device keeps, and what the centre asks about.

Every rule lives under the same bounds: a device hands on a shortlist of twice its share of the
budget, the centre sees these summaries alone, one label covers one encounter.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from producers.device.encounters import Glimpse
from streams.dataset.selection import choose

Vectors = NDArray[np.float32]
Picked = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Doubt:
    """What a device can say of an encounter.

    Attributes:
        novelty: Cosine distance to the nearest prototype, which ship with the model.
        chance: Uniform in [0, 1), the same whoever asks.
    """

    glimpse: Glimpse
    novelty: float
    chance: float


@dataclass(frozen=True, slots=True)
class Arrived:
    """What the centre sees. Embeddings float32 [n, d] at unit length; all else [n]."""

    embeddings: Vectors
    margins: NDArray[np.float64]
    confidences: NDArray[np.float64]
    classes: NDArray[np.int64]
    known: Vectors


@dataclass(frozen=True, slots=True)
class Strategy:
    """One rule.

    Attributes:
        score: The device keeps the encounters of the smallest.
        pick: Positions to label, from what arrived in order of (score, encounter); None: the
            first `budget` of them.
    """

    score: Callable[[Doubt], float]
    pick: Callable[[Arrived, int, int], Picked] | None = None


def _margin(doubt: Doubt) -> float:
    return doubt.glimpse.margin


def _clusters(arrived: Arrived, budget: int, seed: int) -> Picked:
    return choose(arrived.embeddings, arrived.margins, budget, seed)


def _k_center(arrived: Arrived, budget: int, _seed: int) -> Picked:
    """Greedy k-center (Sener and Savarese 2018): always the one farthest from all known."""
    gap = 1.0 - (arrived.embeddings @ arrived.known.T).max(axis=1)
    picked: list[int] = []
    for _ in range(min(budget, len(gap))):
        picked.append(int(gap.argmax()))
        gap = np.minimum(gap, 1.0 - arrived.embeddings @ arrived.embeddings[picked[-1]])
        gap[picked] = -np.inf
    return np.array(picked, np.int64)


def _typical(arrived: Arrived, budget: int, seed: int) -> Picked:
    """After TypiClust (Hacohen, Dekel, Weinshall 2022): k-means, the most typical of each."""
    return choose(arrived.embeddings, np.zeros_like(arrived.margins), budget, seed)


def _badge(arrived: Arrived, budget: int, seed: int) -> Picked:
    """After BADGE (Ash et al. 2020): k-means++ seeds of the gradients of the last layer.

    A summary holds the best class alone, so of the gradient its largest block is used:
    (1 - confidence) x embedding in the place of the best class.
    """
    weight = (1.0 - arrived.confidences).astype(np.float32)
    gradient = arrived.embeddings * weight[:, None]
    generator = np.random.default_rng(seed)
    square = (gradient**2).sum(axis=1).astype(np.float64)
    picked = [int(square.argmax())]
    gap = np.full(len(gradient), np.inf)
    for _ in range(1, min(budget, len(gradient))):
        last = picked[-1]
        same = arrived.classes == arrived.classes[last]
        cross = np.where(same, gradient @ gradient[last], 0.0)
        gap = np.minimum(gap, np.maximum(square + square[last] - 2.0 * cross, 0.0))
        gap[picked] = 0.0
        picked.append(int(generator.choice(len(gap), p=gap / gap.sum())))
    return np.array(picked, np.int64)


def _balanced(arrived: Arrived, budget: int, _seed: int) -> Picked:
    """Classes in turn, as the model names them; of each the least margin first."""
    turn = np.empty(len(arrived.margins), np.int64)
    for name in np.unique(arrived.classes):
        members = np.flatnonzero(arrived.classes == name)
        turn[members[np.argsort(arrived.margins[members], kind="stable")]] = np.arange(len(members))
    return np.lexsort((arrived.margins, turn))[:budget].astype(np.int64)


STRATEGIES: Final[Mapping[str, Strategy]] = {
    "ours": Strategy(_margin, _clusters),
    "random": Strategy(lambda doubt: doubt.chance),
    "margin": Strategy(_margin),
    "entropy": Strategy(lambda doubt: -doubt.glimpse.entropy),
    "confidence": Strategy(lambda doubt: doubt.glimpse.confidence),
    "novelty": Strategy(lambda doubt: -doubt.novelty),
    "k-center": Strategy(_margin, _k_center),
    "typical": Strategy(_margin, _typical),
    "badge": Strategy(_margin, _badge),
    "balanced": Strategy(_margin, _balanced),
}
