"""Which names were seen lately: 64 bits of each, in bounded memory."""

import numpy as np
from numpy.typing import NDArray

from schemas.name_hashes import Hashes


def within(names: Hashes, ordered: Hashes) -> NDArray[np.bool_]:
    """Bool [n]: which names stand among the ordered ones."""
    if not len(ordered):
        return np.zeros(len(names), dtype=bool)
    places = np.minimum(np.searchsorted(ordered, names), len(ordered) - 1)
    found: NDArray[np.bool_] = ordered[places] == names
    return found


class RecentNames:
    """Names in the order they came first, the oldest forgotten when told.

    Args:
        known: Names that are never new and never forgotten, in any order.
    """

    def __init__(self, known: Hashes) -> None:
        self._known = np.unique(known)
        self._come = np.empty(0, np.uint64)
        self._ordered = np.empty(0, np.uint64)

    def take(self, names: Hashes) -> NDArray[np.bool_]:
        """Remember names; bool [n]: which of them were new, each only the first time."""
        new = np.zeros(len(names), dtype=bool)
        new[np.unique(names, return_index=True)[1]] = True
        new &= ~within(names, self._known) & ~within(names, self._ordered)
        added = names[new]
        self._come = np.concatenate([self._come, added])
        rising = np.sort(added)
        self._ordered = np.insert(self._ordered, np.searchsorted(self._ordered, rising), rising)
        return new

    def keep_last(self, count: int) -> None:
        """Forget all but the newest."""
        if len(self._come) > count:
            self._come = self._come[len(self._come) - count :].copy()
            self._ordered = np.sort(self._come)
