"""How many different devices there are, in bounded memory: exact while they are few."""

from typing import Final, Self

import numpy as np
import numpy.typing as npt

KEPT: Final = 4_096
"""Hashes that are kept: up to so many devices are counted exactly, more with an error of 1.6 %."""
_ALL: Final = 1 << 64
_FIRST_MIX, _SECOND_MIX = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)

Hashes = npt.NDArray[np.uint64]


class Distinct:
    """Adaptive sampling (Wegman; Flajolet, Computing 43, 1990).

    The hashes below a bound are kept, and the bound is halved whenever they are too many, so each
    stands for 2^64 / bound devices. Order and repetition change nothing.
    """

    def __init__(self) -> None:
        self._kept = np.zeros(0, np.uint64)
        self._halved = 0

    def add(self, hashes: Hashes) -> None:
        """Include 64-bit hashes of devices."""
        self._kept = self._below(np.union1d(self._kept, self._below(_mixed(hashes))))
        while len(self._kept) > KEPT:
            self._halved += 1
            self._kept = self._below(self._kept)

    @property
    def count(self) -> int:
        """About how many were different."""
        return len(self._kept) << self._halved

    def state(self) -> tuple[int, list[int]]:
        """State as JSON values."""
        return self._halved, self._kept.tolist()

    @classmethod
    def restored(cls, state: tuple[int, list[int]]) -> Self:
        """The count that `state` described."""
        made = cls()
        made._halved, made._kept = state[0], np.array(state[1], np.uint64)
        return made

    def _below(self, hashes: Hashes) -> Hashes:
        return hashes[hashes <= np.uint64((_ALL >> self._halved) - 1)]


def _mixed(hashes: Hashes) -> Hashes:
    """Every bit of the input in every bit of the output: MurmurHash3's finalizer."""
    mixed = (hashes ^ hashes >> np.uint64(33)) * _FIRST_MIX
    mixed = (mixed ^ mixed >> np.uint64(33)) * _SECOND_MIX
    return mixed ^ mixed >> np.uint64(33)
