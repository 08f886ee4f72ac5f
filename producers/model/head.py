"""The trained part of the model: one hidden layer, learnt in numpy, the same bits every time."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from producers.model.adam import Adam

Array = NDArray[np.float32]
HIDDEN: Final = 128


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a head is learnt; the values are the measured best of the features of this package."""

    epochs: int = 25
    batch: int = 128
    rate: float = 2e-3
    decay: float = 1e-3
    hidden_dropout: float = 0.5
    input_dropout: float = 0.25
    smoothing: float = 0.05


@dataclass(slots=True)
class Head:
    """h = relu(x w1 + b1), logits = h w2 + b2; x raw features: standardising is folded in."""

    w1: Array
    b1: Array
    w2: Array
    b2: Array

    @property
    def parts(self) -> tuple[Array, ...]:
        """All four arrays, in the order of the fields."""
        return self.w1, self.b1, self.w2, self.b2


def learn(
    inputs: Array,
    labels: NDArray[np.int64],
    weights: Array,
    classes: int,
    seed: int,
    recipe: Recipe,
) -> Head:
    """Learn a head by AdamW on a half-cosine.

    `inputs` are raw features float32 [n, width], standardised in place to save memory; `labels`
    and `weights` (mean about 1) have one entry a row.

    Raises:
        ValueError: No rows, or a label that is not a class.
    """
    if not len(inputs):
        raise ValueError("training examples: 0; a model needs at least one")
    if labels.min() < 0 or labels.max() >= classes:
        raise ValueError(f"label {labels.max()}: must be in [0, {classes})")
    mean, spread = _standardise(inputs)
    rng = np.random.default_rng(seed)
    head = _initial(inputs.shape[1], classes, rng)
    targets = _smoothed(labels, classes, recipe.smoothing)
    steps = recipe.epochs * -(-len(inputs) // recipe.batch)
    optimiser = Adam(head.parts, recipe.rate, recipe.decay, steps)
    for rows in _batches(len(inputs), recipe, rng):
        slope = _gradients(head, inputs[rows], targets[rows], weights[rows], recipe, rng)
        optimiser.step(slope.parts)
    folded = head.w1 / spread[:, None]
    return Head(folded, head.b1 - mean @ folded, head.w2, head.b2)


def _standardise(inputs: Array) -> tuple[Array, Array]:
    mean = inputs.mean(0, dtype=np.float64).astype(np.float32)
    inputs -= mean
    spread = np.sqrt(np.einsum("ij,ij->j", inputs, inputs) / len(inputs)).astype(np.float32)
    spread += np.float32(1e-3)
    inputs /= spread
    return mean, spread


def _initial(width: int, classes: int, rng: np.random.Generator) -> Head:
    """He's initial weights: variance 2 / inputs."""

    def layer(rows: int, columns: int) -> Array:
        drawn: Array = rng.standard_normal((rows, columns), dtype=np.float32)
        drawn *= np.float32(np.sqrt(2 / rows))
        return drawn

    return Head(
        layer(width, HIDDEN),
        np.zeros(HIDDEN, np.float32),
        layer(HIDDEN, classes),
        np.zeros(classes, np.float32),
    )


def _smoothed(labels: NDArray[np.int64], classes: int, smoothing: float) -> Array:
    targets = np.full((len(labels), classes), smoothing / classes, np.float32)
    targets[np.arange(len(labels)), labels] += np.float32(1 - smoothing)
    return targets


def _batches(count: int, recipe: Recipe, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    for _ in range(recipe.epochs):
        order = rng.permutation(count)
        for start in range(0, count, recipe.batch):
            yield order[start : start + recipe.batch]


def _dropout(shape: tuple[int, int], share: float, rng: np.random.Generator) -> Array:
    """A mask of 0 and 1 / (1 - share); the share in 256ths, one random byte for each number."""
    cut = round(share * 256)
    kept = rng.integers(0, 256, shape, dtype=np.uint8) >= cut
    return kept.astype(np.float32) * np.float32(256 / (256 - cut))


def _gradients(
    head: Head, x: Array, targets: Array, weights: Array, recipe: Recipe, rng: np.random.Generator
) -> Head:
    """Gradient of the weighted mean cross-entropy of one batch."""
    x = x * _dropout((x.shape[0], x.shape[1]), recipe.input_dropout, rng)
    hidden = np.maximum(x @ head.w1 + head.b1, 0)
    mask = _dropout((hidden.shape[0], hidden.shape[1]), recipe.hidden_dropout, rng)
    dropped = hidden * mask
    logits = dropped @ head.w2 + head.b2
    prob = np.exp(logits - logits.max(1, keepdims=True))
    prob /= prob.sum(1, keepdims=True)
    error = (prob - targets) * (weights / np.float32(len(x)))[:, None]
    back = (error @ head.w2.T) * mask * (hidden > 0)
    return Head(x.T @ back, back.sum(0), dropped.T @ error, error.sum(0))
