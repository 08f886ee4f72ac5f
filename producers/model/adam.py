"""The optimiser: Adam with decoupled weight decay on a half-cosine, in numpy."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

_FIRST: Final = 0.9
_SECOND: Final = 0.999
_TINY: Final = np.float32(1e-8)


class Adam:
    """Kingma and Ba (2015); decay decoupled as in Loshchilov and Hutter (2019).

    Args:
        values: What is learnt, changed in place; only matrices decay, not biases.
        rate: Step size at the start; it falls to 0 over `steps` along half a cosine.
        decay: Share of itself, times the rate, that a weight loses in a step.
        steps: Steps there will be.
    """

    def __init__(self, values: Sequence[Array], rate: float, decay: float, steps: int) -> None:
        self._values = values
        self._first = [np.zeros_like(value) for value in values]
        self._second = [np.zeros_like(value) for value in values]
        self._rate, self._decay, self._steps = rate, decay, steps
        self._done = 0

    def step(self, slopes: Sequence[Array]) -> None:
        """Go one step down the slopes, one for each value."""
        rate = self._rate * 0.5 * (1 + np.cos(np.pi * self._done / self._steps))
        self._done += 1
        size = np.float32(rate / (1 - _FIRST**self._done))
        unbias = np.float32(1 / (1 - _SECOND**self._done))
        for index, (value, slope) in enumerate(zip(self._values, slopes, strict=True)):
            _blend(self._first[index], slope, _FIRST)
            _blend(self._second[index], slope * slope, _SECOND)
            if value.ndim == 2:
                np.multiply(value, np.float32(1 - rate * self._decay), out=value)
            move = self._first[index] / (np.sqrt(self._second[index] * unbias) + _TINY)
            np.subtract(value, size * move, out=value)


def _blend(average: Array, value: Array, keep: float) -> None:
    """Exponential moving average, in place."""
    average *= np.float32(keep)
    average += np.float32(1 - keep) * value
