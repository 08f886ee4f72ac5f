"""The embeddings that candidates were kept for, by the space they lie in, in bounded memory."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from streams.dataset.codes import Codes, near
from streams.dataset.near_index import NearIndex

_BLOCK = 2_048


class NearMemory:
    """Keeps the first of near embeddings, model by model.

    Embeddings of two models say nothing of each other.

    Args:
        cosine: Two embeddings above it are near.
    """

    def __init__(self, cosine: float) -> None:
        self._cosine = cosine
        self._numbers: dict[tuple[str, int], int] = {}
        self._spaces: list[NearIndex] = []
        self._come = np.empty(0, np.uint16)

    def __len__(self) -> int:
        return len(self._come)

    def take(self, models: Sequence[str], codes: Codes) -> NDArray[np.bool_]:
        """Keep those near to none that is kept, in their order; bool [n]: which.

        Args:
            models: The model that each embedding is of.
            codes: Embeddings of one number of dimensions.
        """
        numbers = np.array([self._number(model, codes.values.shape[1]) for model in models])
        kept = np.zeros(len(codes), dtype=bool)
        for number in np.unique(numbers):
            rows = np.flatnonzero(numbers == number)
            space = self._spaces[number]
            rows = rows[~space.near(codes.take(rows))]
            rows = rows[_apart(codes.take(rows), self._cosine)]
            space.add(codes.take(rows))
            kept[rows] = True
        self._come = np.concatenate([self._come, numbers[kept].astype(np.uint16)])
        return kept

    def keep_last(self, count: int) -> None:
        """Forget all but the newest, of whatever model."""
        gone = max(0, len(self._come) - count)
        for number, lost in enumerate(np.bincount(self._come[:gone])):
            self._spaces[number].forget_first(int(lost))
        self._come = self._come[gone:].copy()

    def _number(self, model: str, dimensions: int) -> int:
        number = self._numbers.setdefault((model, dimensions), len(self._spaces))
        if number == len(self._spaces):
            self._spaces.append(NearIndex(dimensions, self._cosine))
        return number


def _apart(codes: Codes, cosine: float) -> NDArray[np.bool_]:
    """Bool [n]: those that are near to no earlier one that is kept."""
    kept = np.ones(len(codes), dtype=bool)
    for begin in range(0, len(codes), _BLOCK):
        block = codes.take(slice(begin, begin + _BLOCK))
        alike = np.triu(near(block, codes.take(slice(begin, None)), cosine), k=1)
        for row in np.flatnonzero(alike.any(axis=1)):
            if kept[begin + row]:
                kept[begin:] &= ~alike[row]
    return kept
