"""All episodes of one SLO, and which keys have to be looked at: few, however many there are."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.records import AlertState
from streams.slo.conditions import Truth
from streams.slo.phases import FLAPS, NEVER, Episode, Policy, Stage


class Episodes:
    """Episodes by place of the severity in the SLO and row of the key.

    Between two ticks only those keys matter whose condition changed, whose open episode lost or
    regained its data, or whose time has come.

    Args:
        policies: Of each severity.
    """

    def __init__(self, policies: Sequence[Policy]) -> None:
        self._policies = policies
        self._held: dict[tuple[int, int], Episode] = {}
        self._ended: dict[tuple[int, int], deque[int]] = {}
        places = len(policies)
        self._true: Truth = np.zeros((places, 0), dtype=np.bool_)
        self._fresh: Truth = np.zeros((places, 0), dtype=np.bool_)
        self._open: Truth = np.zeros((places, 0), dtype=np.bool_)
        self._due: npt.NDArray[np.int64] = np.zeros((places, 0), dtype=np.int64)

    def __iter__(self) -> Iterator[tuple[int, int, Episode]]:
        """Place of the severity, row, episode."""
        return ((place, row, episode) for (place, row), episode in self._held.items())

    @property
    def due(self) -> int:
        """Next tick at which time alone changes an episode; NEVER: none."""
        return int(self._due.min(initial=NEVER))

    @property
    def room(self) -> int:
        """Keys that there is room for."""
        return int(self._due.shape[1])

    def get(self, place: int, row: int) -> Episode | None:
        """The episode that is open."""
        return self._held.get((place, row))

    def grow(self, rows: int) -> None:
        """Make room for so many keys."""
        wide = ((0, 0), (0, rows - self._due.shape[1]))
        self._true, self._fresh = np.pad(self._true, wide), np.pad(self._fresh, wide)
        self._open = np.pad(self._open, wide)
        self._due = np.pad(self._due, wide, constant_values=NEVER)

    def changed(self, true: Truth, fresh: Truth, tick: int) -> list[int]:
        """Rows to look at; the arrays (bool[severities, rows]) are what holds now."""
        news = (true != self._true) | ((fresh != self._fresh) & self._open) | (self._due <= tick)
        self._true, self._fresh = true, fresh
        rows: list[int] = np.flatnonzero(news.any(axis=0)).tolist()
        return rows

    def follow(self, place: int, row: int, tick: int, tiers: int) -> Episode | None:
        """Let an episode begin or go on; returned is one that is over.

        Args:
            place: Of the severity.
            row: Of the key.
            tick: Now.
            tiers: Bit i: tier i of the SLO is true now; those of this severity alone.
        """
        episode, rules = self._held.get((place, row)), self._policies[place]
        if tiers:
            if episode is None:
                episode = self._begin(place, row, tick)
            episode.burn(tick, tiers, rules)
        elif episode is None:
            return None
        elif episode.cool(tick, rules) if self._fresh[place, row] else episode.starve(tick, rules):
            return self.end(place, row, tick)
        self._due[place, row] = episode.due(rules)
        return None

    def end(self, place: int, row: int, tick: int | None = None) -> Episode:
        """Close an episode; one that recovered, at `tick`, counts as a flap.

        Raises:
            KeyError: There is none.
        """
        episode = self._held.pop((place, row))
        self._open[place, row] = False
        self._due[place, row] = NEVER
        if episode.flapping:
            self._ended.pop((place, row), None)
        elif episode.fired and tick is not None:
            self._ended.setdefault((place, row), deque(maxlen=FLAPS)).append(tick)
        return episode

    def forget(self, row: int) -> None:
        """The row is given to another key."""
        for place in range(len(self._policies)):
            self._ended.pop((place, row), None)
            self._true[place, row] = self._fresh[place, row] = False

    def tidy(self, tick: int) -> None:
        """Forget resolutions that are too long ago to matter."""
        for name, ended in list(self._ended.items()):
            if ended[-1] <= tick - self._policies[name[0]].flap_within:
                del self._ended[name]

    def has(self, row: int) -> bool:
        """Whether any severity of a key has an episode."""
        return any((place, row) in self._held for place in range(len(self._policies)))

    def state(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {
            "held": [[*name, *_values(episode)] for name, episode in self._held.items()],
            "ended": [[*name, list(ended)] for name, ended in self._ended.items()],
        }

    def load(self, state: Mapping[str, Any], rows: int) -> None:
        """Take the values of `state()` for so many rows.

        What was true at the last tick is not kept: counts that came late have changed since. So
        the next tick looks at every open episode, and at every key that is then true.
        """
        self.grow(rows)
        for place, row, *values in state["held"]:
            self._held[place, row] = _episode(values)
            self._open[place, row] = True
            self._due[place, row] = 0
        for place, row, ended in state["ended"]:
            self._ended[place, row] = deque(ended, maxlen=FLAPS)

    def _begin(self, place: int, row: int, tick: int) -> Episode:
        within = self._policies[place].flap_within
        ended: Iterable[int] = self._ended.get((place, row), ())
        flaps = sum(at > tick - within for at in ended)
        episode = self._held[place, row] = Episode(since=tick, flaps=flaps)
        self._open[place, row] = True
        return episode


def _values(episode: Episode) -> list[Any]:
    return [
        episode.since,
        episode.stage.value,
        episode.tiers,
        episode.flaps,
        episode.false_since,
        episode.empty_since,
        None if episode.told is None else episode.told.value,
    ]


def _episode(values: Sequence[Any]) -> Episode:
    since, stage, tiers, flaps, false_since, empty_since, told = values
    return Episode(
        since,
        Stage(stage),
        tiers,
        flaps,
        false_since,
        empty_since,
        None if told is None else AlertState(told),
    )
