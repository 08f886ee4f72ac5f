"""What a model was trained on, in a few points of its own embedding: how new is what it meets?"""

import base64
import json
import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]

METADATA: Final = "prototypes"
"""The entry of a model file's metadata: it travels, is signed and is replaced with the model."""


class PrototypesError(ValueError):
    """Prototypes cannot be read; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class Prototypes:
    """Points of unit length, and how far from all of them is new.

    Attributes:
        vectors: float32 [p, d].
        distance: Of its validation encounters the model has one in twenty beyond it, by 1 - cosine.
    """

    vectors: Vectors
    distance: float

    def novelty(self, embedding: Vectors) -> float:
        """Distance to the nearest prototype, in units of `distance`: above 1 it is new.

        Args:
            embedding: float32 [d], unit length.
        """
        return (1.0 - float((self.vectors @ embedding).max())) / self.distance

    def to_text(self) -> str:
        """As metadata: JSON, the vectors as float16 in little-endian order."""
        packed = base64.b64encode(self.vectors.astype("<f2").tobytes()).decode()
        return json.dumps(
            {"distance": self.distance, "size": self.vectors.shape[1], "vectors": packed}
        )


def from_text(text: str) -> Prototypes:
    """Read what `to_text` made.

    Raises:
        PrototypesError: It is something else.
    """
    try:
        told: dict[str, Any] = json.loads(text)
        size, distance = int(told["size"]), float(told["distance"])
        values = np.frombuffer(base64.b64decode(told["vectors"], validate=True), "<f2")
        vectors = values.astype(np.float32).reshape(-1, size)
    except (KeyError, TypeError, ValueError) as error:
        raise PrototypesError(f"prototypes: {error!r}; must be what the trainer writes") from error
    if not (len(vectors) and np.isfinite(vectors).all() and 0 < distance < math.inf):
        raise PrototypesError(
            f"prototypes: {len(vectors)} vectors and distance {distance}; must be finite, at least "
            "one, and above 0"
        )
    return Prototypes(vectors, distance)
