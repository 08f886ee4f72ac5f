"""The always-valid test: bets that a share lies outside its bounds, and what they have won.

A bet on one encounter with value x in [0, 1] against "its expectation is at most m" pays
(q/m)^x ((1-q)/(1-m))^(1-x) for a q above m. That is convex in x, so at most its chord, whose
expectation is at most 1: while the share lies within its bounds nobody wins in the mean, whatever
the distribution. Products of such payments over encounters are bounded by
Ville's inequality (1939): the chance ever to win 1/alpha times the stake is at most alpha. For sums
of frames the payment is a function of the sums alone, with a frame as the part of an encounter that
it is, so it can be paid by the look.
"""

from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from streams.drift.scores import Floats, Ints

STEPS: Final = (0.5, 1.0, 2.0)
"""How far beyond its bound each bet believes the share to be, on the logit scale."""
UP, DOWN = 0, 1
_TINY: Final = 1e-12


@dataclass(frozen=True, slots=True)
class Table:
    """What each bet pays in nats for an encounter in full and for one without, [scores, 2, 3]."""

    hit: Floats
    miss: Floats

    @classmethod
    def against(cls, low: Floats, high: Floats) -> Self:
        """Bets that shares are above `high`, and that they are below `low`.

        A bound at 0 or 1 leaves nothing to bet on.
        """
        bound = np.stack((high, low), axis=1)[:, :, None]
        signs = np.array([1.0, -1.0])[None, :, None]
        open_ = (bound > _TINY) & (bound < 1 - _TINY)
        m = np.where(open_, bound, 0.5)
        logit = np.log(m / (1 - m)) + signs * np.array(STEPS)[None, None, :]
        q = 1 / (1 + np.exp(-logit))
        nothing = np.zeros_like(q)
        return cls(
            np.where(open_, np.log(q / m), nothing),
            np.where(open_, np.log((1 - q) / (1 - m)), nothing),
        )


class Bets:
    """All bets of one comparison.

    A part of the stake begins anew with every look, 1 / ((i + 1) (i + 2)) with the i-th, which sums
    to 1: so a change is seen soon however long all was well before, and the bound still holds for
    the whole life.

    Args:
        table: What they pay.
        weights: Share of the stake on each score, float64 [scores].
    """

    def __init__(self, table: Table, weights: Floats) -> None:
        self._table = table
        per_bet = weights / (table.hit.shape[1] * table.hit.shape[2])
        with np.errstate(divide="ignore"):
            self._stake: Floats = np.log(np.broadcast_to(per_bet[:, None, None], table.hit.shape))
        self._won: Floats = np.full(table.hit.shape, -np.inf)
        self.looks = 0

    def take(self, hits: Ints, frames: int, frames_per_encounter: float) -> None:
        """Pay for one look: `hits` of `frames`, int64 [scores]."""
        encounters = hits[:, None, None] / frames_per_encounter
        others = (frames - hits)[:, None, None] / frames_per_encounter
        begun = -np.log((self.looks + 1.0) * (self.looks + 2.0))
        paid = self._table.hit * encounters + self._table.miss * others
        self._won = np.logaddexp(self._won, self._stake + begun) + paid
        self.looks += 1

    @property
    def nats(self) -> float:
        """Logarithm of what the whole stake of 1 has become."""
        waiting = -np.log(self.looks + 1.0)
        return float(np.logaddexp(np.logaddexp.reduce(self._won, axis=None), waiting))

    @property
    def leader(self) -> tuple[int, int]:
        """Score and direction (UP, DOWN) that have won most."""
        by_side = np.logaddexp.reduce(self._won - self._stake, axis=2)
        score, side = np.unravel_index(int(by_side.argmax()), by_side.shape)
        return int(score), int(side)

    def state(self) -> dict[str, Any]:
        """All of it as plain values."""
        won: npt.NDArray[Any] = np.where(np.isfinite(self._won), self._won, -1e300)
        return {"looks": self.looks, "won": won.tolist()}

    def load(self, state: dict[str, Any]) -> None:
        """Take the values of `state()`."""
        self.looks, self._won = state["looks"], np.array(state["won"], np.float64)
