"""One place against the validation of its release: when it has drifted, when it is back."""

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from schemas.references import Reference
from streams.drift import partials, scores
from streams.drift.betting import DOWN, UP, Bets, Table
from streams.drift.interval import LEVELS, edges
from streams.drift.partials import Answers

FALSE_ALARMS: Final = 0.01
"""Chance that a place whose shares lie as in validation is ever called drifted."""
LOOK_ENCOUNTERS: Final = 25
"""A look is at least so many encounters: fewer minutes are added up."""
_BOUND: Final = LEVELS.index(10.0)
_WRONG_END: Final = 0.05
_REMEMBERED: Final = 10


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a validation says of every score: its share, and between what the true one lies.

    Attributes:
        share: float64 [scores].
        edges: float64 [scores, 2, levels], beyond which it has evidence.
    """

    reference: Reference
    share: scores.Floats
    edges: scores.Floats

    @classmethod
    def of(cls, reference: Reference) -> "Bounds":
        """The bounds of a reference."""
        counted = scores.hits(reference.confidence, reference.classes, reference.flips)
        return cls(reference, counted / reference.frames, edges(reference))

    @property
    def low(self) -> scores.Floats:
        """The true share is below with probability e^-10 at most, float64 [scores]."""
        return self.edges[:, DOWN, _BOUND]

    @property
    def high(self) -> scores.Floats:
        """The true share is above with probability e^-10 at most, float64 [scores]."""
        return self.edges[:, UP, _BOUND]


@dataclass(frozen=True, slots=True)
class Shift:
    """An episode of drift.

    Attributes:
        since_us: Ingest time of the look that showed it.
        score, side: The score that showed it most, and whether it is too high (UP) or too low.
    """

    since_us: int
    score: int
    side: int


class Comparison:
    """Looks at one place, one after the other.

    Drift is said when validation and bets have won 2^episode / FALSE_ALARMS times their stake, so
    that all episodes of a life together are wrong with probability FALSE_ALARMS at most. Whether it
    is over is tested in the same way, the other way round, against the bound of the score that
    showed it; then a new episode begins.

    Args:
        bounds: Of the release's validation.

    Attributes:
        bounds: Of the release's validation.
        looks, encounters: In the whole life.
        shift: What holds now; None: no drift is shown.
        recent: Hits int64 [scores] and frames of the last ten looks.
    """

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self._weights = scores.weights(len(bounds.reference.classes))
        self._table = Table.against(bounds.edges, LEVELS)
        self._bets = Bets(self._table, self._weights)
        self._waiting = Answers(classes=np.zeros(len(bounds.reference.classes), np.int64))
        self.episode = 1
        self.looks = 0
        self.encounters = 0.0
        self.shift: Shift | None = None
        self.recent: list[tuple[scores.Ints, int]] = []

    @property
    def nats(self) -> float:
        """Logarithm of the evidence for what is tested now: that it drifts, or that it is over."""
        return self._bets.nats

    @property
    def threshold(self) -> float:
        """Evidence in nats that decides."""
        if self.shift is not None:
            return math.log(1 / _WRONG_END)
        return math.log(2**self.episode / FALSE_ALARMS)

    @property
    def classes(self) -> int:
        """Classes of the release; answers may not have more."""
        return len(self.bounds.reference.classes)

    def count(self, counts: Answers, at_us: int) -> None:
        """Take the answers of a minute that ended at `at_us` of ingest time."""
        self._waiting.add(counts)
        if self._waiting.frames >= LOOK_ENCOUNTERS * self.bounds.reference.frames_per_encounter:
            self._look(at_us)

    def leader(self) -> tuple[int, int]:
        """Score and side (UP, DOWN) that speak most for drift, now or when it was shown."""
        return self._bets.leader if self.shift is None else (self.shift.score, self.shift.side)

    def share(self, score: int) -> float:
        """Share of a score in the last looks; 0.0 before the first."""
        frames = sum(frames for _, frames in self.recent)
        return sum(int(hits[score]) for hits, _ in self.recent) / frames if frames else 0.0

    def state(self) -> dict[str, Any]:
        """All of it as plain values, the bounds left out."""
        shift = self.shift
        return {
            "bets": self._bets.state(),
            "waiting": self._waiting.state(),
            "episode": self.episode,
            "looks": self.looks,
            "encounters": self.encounters,
            "shift": None if shift is None else [shift.since_us, shift.score, shift.side],
            "recent": [[hits.tolist(), frames] for hits, frames in self.recent],
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take the values of `state()`."""
        self._waiting = partials.answers(state["waiting"])
        self.episode, self.looks = state["episode"], state["looks"]
        self.encounters = state["encounters"]
        self.shift = None if state["shift"] is None else Shift(*state["shift"])
        self.recent = [(np.array(hits, np.int64), frames) for hits, frames in state["recent"]]
        self._bets = self._stakes()
        self._bets.load(state["bets"])

    def _look(self, at_us: int) -> None:
        seen = self._waiting
        self._waiting = self._nothing()
        hits = scores.hits(seen.confidence, seen.classes, seen.flips)
        per_encounter = self.bounds.reference.frames_per_encounter
        tested = hits if self.shift is None else hits[[self.shift.score]]
        self._bets.take(tested, seen.frames, per_encounter)
        self.looks += 1
        self.encounters += seen.frames / per_encounter
        self.recent = [*self.recent[1 - _REMEMBERED :], (hits, seen.frames)]
        if self._bets.nats >= self.threshold:
            self._turn(at_us)

    def _nothing(self) -> Answers:
        return Answers(classes=np.zeros(self.classes, np.int64))

    def _turn(self, at_us: int) -> None:
        if self.shift is None:
            self.shift = Shift(at_us, *self._bets.leader)
        else:
            self.shift = None
            self.episode += 1
        self._bets = self._stakes()

    def _stakes(self) -> Bets:
        """The bets on what is to be shown next; that an episode is over shows in its own score."""
        if self.shift is None:
            return Bets(self._table, self._weights)
        score, side = self.shift.score, self.shift.side
        back = np.array([[[1.0], [0.0]]])
        back[0, 1 - side] = self.bounds.edges[score, side, _BOUND]
        return Bets(Table.against(back, [np.inf]), np.ones(1))
