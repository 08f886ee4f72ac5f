"""What stands before the head of a model, by medium: feature nodes, their width, the recipe."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from producers.model import features as gradients
from producers.model import log_mel
from producers.model.graph import Graph, to_bytes
from producers.model.head import Recipe
from producers.model.runtime import open_session
from schemas.media import PICTURES, SOUND, Frames, Medium, medium_of

_BATCH: Final = 64


@dataclass(frozen=True, slots=True)
class Front:
    """How frames of a medium become numbers that a head learns from.

    Attributes:
        name: Of the models' graphs.
        append: Appends the feature nodes behind the medium's input; gives the name of their
            result, float32 [N, width].
        recipe: How a head is learnt on them.
    """

    name: str
    medium: Medium
    width: int
    append: Callable[[Graph], str]
    recipe: Recipe


_FRONTS: Final[Mapping[str, Front]] = {
    front.medium.media_type: front
    for front in (
        Front("road-signs", PICTURES, gradients.WIDTH, gradients.append_features, Recipe()),
        Front("spoken-digits", SOUND, log_mel.WIDTH, log_mel.append_log_mel, Recipe()),
    )
}


def front_of(medium: Medium) -> Front:
    """The front of a medium."""
    return _FRONTS[medium.media_type]


def features(frames: Frames) -> NDArray[np.float32]:
    """Features float32 [n, width] of frames [n, ...], by the very nodes that devices run.

    Raises:
        StripError: The frames are of no medium.
    """
    medium = medium_of(frames)
    front, session = front_of(medium), open_session(_feature_model(medium.media_type))
    out = np.empty((len(frames), front.width), np.float32)
    for start in range(0, len(frames), _BATCH):
        chunk = np.ascontiguousarray(frames[start : start + _BATCH])
        found = session.run(["features"], {medium.input: chunk})
        out[start : start + _BATCH] = found[0]
    return out


@cache
def _feature_model(media_type: str) -> bytes:
    front = _FRONTS[media_type]
    graph = Graph()
    graph.add("Identity", front.append(graph), output="features")
    return to_bytes(graph, front.medium, {"features": front.width}, {}, "features")
