"""The always-valid test: bets that a share is beyond what validation can still bear.

A bet on one encounter with value x in [0, 1] against "its expectation is at most m" pays
(q/m)^x ((1-q)/(1-m))^(1-x) for a q above m. That is convex in x, so at most its chord, whose
expectation is at most 1: while the share is at most m nobody wins in the mean, whatever the
distribution. For sums of frames the payment is a function of the sums alone, with a frame as the
part of an encounter that it is, so it can be paid by the look.

Which m is true nobody knows. Whatever it is, what validation has won against it times what these
bets win against it wins nothing in the mean if the share is as in validation; so the least of the
products over all m does not either, and is beyond k with probability 1/k at most, however often it
is looked at (Ville 1939). Between two edges of validation the evidence of the nearer edge counts
and the bets against the farther one.
"""

from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from streams.drift.scores import Floats, Ints

STEPS: Final = (0.15, 0.3, 0.6, 1.2)
"""How far beyond its edge each bet believes the share to be, on the logit scale."""
UP, DOWN = 0, 1
_TINY: Final = 1e-12
_PATIENCE: Final = 0.25
"""Of the stake (i + 1)^-0.25 has not begun before the i-th look."""


@dataclass(frozen=True, slots=True)
class Table:
    """What is bet against, and what it pays.

    Attributes:
        hit, miss: Nats for an encounter in full and for one without, [scores, 2, edges, 4].
        known: Nats that validation has against a share beyond each edge, [edges].
    """

    hit: Floats
    miss: Floats
    known: Floats

    @classmethod
    def against(cls, edges: Floats, known: npt.ArrayLike) -> Self:
        """Bets that shares are above the edges [:, UP], and that they are below those [:, DOWN].

        An edge at 0 or 1 leaves nothing to bet on.
        """
        bound = edges[..., None]
        signs = np.array([1.0, -1.0])[None, :, None, None]
        open_ = (bound > _TINY) & (bound < 1 - _TINY)
        m = np.where(open_, bound, 0.5)
        logit = np.log(m / (1 - m)) + signs * np.array(STEPS)
        q = 1 / (1 + np.exp(-logit))
        nothing = np.zeros_like(q)
        return cls(
            np.where(open_, np.log(q / m), nothing),
            np.where(open_, np.log((1 - q) / (1 - m)), nothing),
            np.asarray(known, np.float64),
        )


class Bets:
    """All bets of one comparison.

    A part of the stake begins anew with every look, so a change is seen soon however long all was
    well before, and the bound still holds for the whole life.

    Args:
        table: What they pay.
        weights: Share of the stake on each score, float64 [scores].
    """

    def __init__(self, table: Table, weights: Floats) -> None:
        self._table = table
        self._stake: Floats = np.log(weights[:, None] / 2)
        self._won: Floats = np.full(table.hit.shape, -np.inf)
        self.looks = 0

    def take(self, hits: Ints, frames: int, frames_per_encounter: float) -> None:
        """Pay for one look: `hits` of `frames`, int64 [scores]."""
        encounters = hits[:, None, None, None] / frames_per_encounter
        others = (frames - hits)[:, None, None, None] / frames_per_encounter
        begun = np.log((_waiting(self.looks) - _waiting(self.looks + 1)) / len(STEPS))
        paid = self._table.hit * encounters + self._table.miss * others
        self._won = np.logaddexp(self._won, begun) + paid
        self.looks += 1

    @property
    def nats(self) -> float:
        """Logarithm of what the whole stake of 1 has become."""
        capped = np.minimum(self._least(), self._table.known[-1])
        return float(np.logaddexp.reduce(capped + self._stake, axis=None))

    @property
    def leader(self) -> tuple[int, int]:
        """Score and direction (UP, DOWN) that have won most."""
        least = self._least()
        score, side = np.unravel_index(int(least.argmax()), least.shape)
        return int(score), int(side)

    def state(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {"looks": self.looks, "won": b64encode(self._won.tobytes()).decode()}

    def load(self, state: dict[str, Any]) -> None:
        """Take the values of `state()`."""
        self.looks = state["looks"]
        won = np.frombuffer(b64decode(state["won"]), np.float64)
        self._won = won.reshape(self._table.hit.shape)

    def _least(self) -> Floats:
        """The least that validation and bets won together up to the last edge, [scores, 2]."""
        bets = np.logaddexp(np.logaddexp.reduce(self._won, axis=3), np.log(_waiting(self.looks)))
        nearer = np.concatenate(([0.0], self._table.known[:-1]))
        least: Floats = (bets + nearer).min(axis=2)
        return least


def _waiting(looks: int) -> float:
    """Share of the stake that has not begun before look `looks`, counted from 0."""
    return float((looks + 1.0) ** -_PATIENCE)
