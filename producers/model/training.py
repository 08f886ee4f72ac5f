"""From labelled frames to a model file: the same frames and seed give the same bytes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from producers.model.fronts import features, front_of
from producers.model.head import learn
from producers.model.network import to_onnx
from schemas.media import Frames, medium_of


def fit(
    frames: Frames,
    labels: NDArray[np.int64],
    weights: NDArray[np.float32],
    classes: Sequence[str],
    dataset_id: str,
    seed: int,
) -> bytes:
    """Train a model on frames [n, ...] of one medium and give its file.

    The bytes are the same only when numpy's BLAS runs on one thread (another number of threads
    rounds sums otherwise): `apart.fit_apart` sees to that.

    Raises:
        ValueError: No frames, frames of no medium, or a label that is not a class.
    """
    front = front_of(medium_of(frames))
    head = learn(features(frames), labels, weights, len(classes), seed, front.recipe)
    return to_onnx(head, front, classes, dataset_id, seed)
