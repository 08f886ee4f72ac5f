"""Prototypes of a trained model: found on its training side, measured on its validation side."""

from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray

from producers.model.graph import sealed
from producers.model.runtime import Model
from producers.prototypes import METADATA, Prototypes, Vectors

PER_CLASS: Final = 2
"""Measured on unseen signs of the rendered camera: better than one, and as good as eight."""
NEW_SHARE: Final = 0.05
"""Of the validation encounters so many are beyond the distance: what is new must be rarer there."""
_ROUNDS: Final = 10


def with_prototypes(
    model: bytes,
    frames: NDArray[Any],
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    validation: NDArray[Any],
    validation_groups: NDArray[np.int64],
) -> bytes:
    """The model file with prototypes in its metadata; unchanged when validation is too small.

    A distance that one in twenty lies beyond needs nineteen encounters to be known at all.

    Args:
        model: As trained.
        frames: It was trained on [n, ...].
        labels: int64 [n], of these.
        groups: int64 [n], the encounter of each.
        validation: Frames [m, ...].
        validation_groups: int64 [m], the encounter of each.
    """
    loaded = Model(model)
    seen = by_encounter(loaded.run(frames).emb, groups)
    first = np.unique(groups, return_index=True)[1]
    proved = by_encounter(loaded.run(validation).emb, validation_groups)
    found = prototypes(seen, labels[first], proved)
    if found is None:
        return model
    body = onnx.load_from_string(model)
    metadata = {entry.key: entry.value for entry in body.metadata_props}
    return sealed(body, metadata | {METADATA: found.to_text()})


def prototypes(seen: Vectors, labels: NDArray[np.int64], proved: Vectors) -> Prototypes | None:
    """Prototypes of encounters seen [n, d] with labels [n], measured on others [m, d].

    The distance is the conformal quantile (Vovk, Gammerman, Shafer 2005): of m encounters the
    ceil((m + 1) (1 - share))-th; None: there are too few for it.
    """
    rank = int(np.ceil((len(proved) + 1) * (1 - NEW_SHARE)))
    if rank > len(proved):
        return None
    vectors = np.concatenate([_centres(seen[labels == label]) for label in np.unique(labels)])
    held = vectors.astype(np.float16).astype(np.float32)
    distances = np.sort(1.0 - (proved @ held.T).max(1))
    return Prototypes(held, max(float(distances[rank - 1]), 1e-3))


def by_encounter(embeddings: Vectors, groups: NDArray[np.int64]) -> Vectors:
    """Mean of the frames of each encounter at unit length, as devices send it."""
    sums = np.zeros((int(groups.max()) + 1, embeddings.shape[1]), np.float32)
    np.add.at(sums, groups, embeddings)
    return _unit(sums)


def _centres(seen: Vectors) -> Vectors:
    """Two centres of a class: the first encounter, the one farthest from it, then k-means."""
    centres = seen[:1]
    while len(centres) < min(PER_CLASS, len(seen)):
        farthest = (seen @ centres.T).max(1).argmin()
        centres = np.concatenate((centres, seen[farthest : farthest + 1]))
    for _ in range(_ROUNDS):
        nearest = (seen @ centres.T).argmax(1)
        kept = [at for at in range(len(centres)) if (nearest == at).any()]
        centres = _unit(np.stack([seen[nearest == at].sum(0) for at in kept]))
    return centres


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    found: Vectors = vectors / np.maximum(lengths, np.float32(1e-12))
    return found
