"""The few encounters a device doubts most, kept until it may send them."""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class Shortlist(Generic[T]):
    """At most `size` items, those of the smallest score; ties go to the smaller name.

    A threshold would have to be known before the doubts are: a first release is unsure of most
    encounters, a good one of few. The best of a window need no threshold, in bounded memory.

    Raises:
        ValueError: The size is below 1.
    """

    size: int
    _heap: list[tuple[float, "_Last", T]] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError(f"size of a shortlist: {self.size}; must be at least 1")

    def offer(self, score: float, name: str, item: T) -> None:
        """Keep the item when it is among the best; `name` must differ from all others."""
        entry = (-score, _Last(name), item)
        if len(self._heap) < self.size:
            heapq.heappush(self._heap, entry)
        else:
            heapq.heappushpop(self._heap, entry)

    def drain(self) -> Iterable[T]:
        """Give what is kept, best first, and forget it."""
        kept, self._heap = sorted(self._heap, reverse=True), []
        return [item for _, _, item in kept]


@dataclass(frozen=True, slots=True)
class _Last:
    """A name that orders backwards, so that of two equal scores the smaller name stays."""

    name: str

    def __lt__(self, other: "_Last") -> bool:
        return self.name > other.name
