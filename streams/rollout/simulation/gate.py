"""The one interface of all gates: shown what is known, they say what is to be done."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from streams.rollout.simulation.counts import Group

Control = Callable[[], Sequence[Group]]
"""Groups of the control; asked for only by gates that compare."""


class Verdict(StrEnum):
    """What a gate answers. WAIT: go on as it is."""

    WAIT = "WAIT"
    WIDEN = "WIDEN"
    HOLD = "HOLD"
    ROLL_BACK = "ROLL_BACK"
    DONE = "DONE"


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known at one moment.

    Attributes:
        now_s: Seconds since the first wave may open.
        strata: Groups by stratum, in the order they were opened.
        control: As many devices as were offered the release, with the parent in its place.
    """

    now_s: float
    strata: Mapping[str, Sequence[Group]]
    control: Control


@dataclass(frozen=True, slots=True)
class Answer:
    """What is to be done in a stratum; WIDEN names the new cumulative share."""

    stratum: str
    verdict: Verdict
    share: float = 0.0


class Gate(Protocol):
    """A gate."""

    @property
    def withdraws(self) -> bool:
        """Whether a held wave takes no further device of those it was offered to."""
        ...

    def judge(self, seen: Seen) -> Sequence[Answer]:
        """What is to be done now."""
        ...
