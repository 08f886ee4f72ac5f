"""From labelled pictures to a model file: the same pictures and seed give the same bytes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from producers.model.features import features
from producers.model.head import Recipe, learn
from producers.model.network import to_onnx
from schemas.film_strips import Pictures


def fit(
    pictures: Pictures,
    labels: NDArray[np.int64],
    weights: NDArray[np.float32],
    classes: Sequence[str],
    dataset_id: str,
    seed: int,
) -> bytes:
    """Train a model on pictures uint8 [n, 32, 32, 3] and give its file.

    The bytes are the same only when numpy's BLAS runs on one thread (another number of threads
    rounds sums otherwise): `apart.fit_apart` sees to that.

    Raises:
        ValueError: No pictures, or a label that is not a class.
    """
    head = learn(features(pictures), labels, weights, len(classes), seed, Recipe())
    return to_onnx(head, classes, dataset_id, seed)
