"""One seed: a first release, and for each strategy the release that its labels lead to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from infra.learning.mining import glimpses, mine
from infra.learning.site import Site
from infra.learning.strategies import STRATEGIES
from producers.camera.camera import Encounter
from producers.model.apart import fit_apart
from producers.model.runtime import Model


@dataclass(frozen=True, slots=True)
class Worth:
    """How good a model is on the test pictures.

    Attributes:
        accuracy: Share of pictures named rightly.
        mean_per_class: Mean over the classes of that share.
        hard: That share among pictures of hard classes; nan: there are none.
    """

    accuracy: float
    mean_per_class: float
    hard: float


@dataclass(frozen=True, slots=True)
class Release:
    """A model file, what it is worth, and how many labels were paid for it."""

    model: bytes
    digest: str
    worth: Worth
    labels: int


@dataclass(frozen=True, slots=True)
class Trial:
    """One seed's releases."""

    seed: int
    first: Release
    second: Mapping[str, Release]


def play(site: Site, seed: int, budget: int, strategies: Sequence[str]) -> Trial:
    """Train the first release, mine with it, label, train again from scratch.

    Raises:
        TrainingError: Training failed.
    """
    first = _release(site, site.drive, seed, labels=0)
    seen = glimpses(first.model, site.met)
    known = np.stack([one.embedding for one in glimpses(first.model, site.drive)])
    second = {}
    for name in strategies:
        labelled = mine(STRATEGIES[name], site.met, seen, known, budget=budget, seed=seed)
        second[name] = _release(site, (*site.drive, *labelled), seed, labels=len(labelled))
    return Trial(seed, first, second)


def _release(site: Site, encounters: Sequence[Encounter], seed: int, *, labels: int) -> Release:
    pictures = np.concatenate([one.frames for one in encounters])
    sizes = [len(one.frames) for one in encounters]
    meant = np.array([one.label for one in encounters], np.int64).repeat(sizes)
    weights = np.ones(len(meant), np.float32)
    model = fit_apart(pictures, meant, weights, site.classes, f"seed-{seed}", seed)
    return Release(model, sha256(model).hexdigest(), _worth(model, site), labels)


def _worth(model: bytes, site: Site) -> Worth:
    test = site.test
    right = Model(model).run(test.frames).prob.argmax(axis=1) == test.labels
    hard = np.isin(test.labels, list(site.hard))
    shares = [float(right[test.labels == label].mean()) for label in np.unique(test.labels)]
    return Worth(
        accuracy=float(right.mean()),
        mean_per_class=float(np.mean(shares)),
        hard=float(right[hard].mean()) if hard.any() else float("nan"),
    )
