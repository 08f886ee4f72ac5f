"""A step of an alert as the notifier sees it, and what one receiver has yet to hear. Pure."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Final

from schemas.facts import Fact
from schemas.records import Alert, AlertState

# No data is not good data, and what our own engine holds back still burns: only evidence ends it.
OPEN: Final = frozenset(
    {AlertState.FIRING, AlertState.STALE, AlertState.NO_DATA, AlertState.SUPPRESSED}
)
TOLD: Final = OPEN | {AlertState.RESOLVED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A valid record of `alerts`, with where it stands on the log."""

    alert: Alert
    partition: int
    offset: int
    stamp_us: int

    @classmethod
    def of(cls, fact: Fact) -> "Step":
        """The step of a fact of `alerts`."""
        return cls(
            alert=fact.record,
            partition=fact.partition,
            offset=fact.offset,
            stamp_us=fact.stamp_us,
        )

    @property
    def open(self) -> bool:
        """Whether the alert holds at this step."""
        return self.alert.state in OPEN


@dataclass(slots=True)
class Ear:
    """What one receiver was told of one alert, and has yet to be told.

    An episode begins with the first open step and ends with RESOLVED; both are told, the steps
    between only change what is said.

    Attributes:
        told: The open episode as the receiver knows it; None: it knows of none.
        ended: The end it was told last.
        waiting: Beginnings and ends not told yet, oldest first, with the time of observation.
        withheld: The first of them was due once and held back.
    """

    told: Step | None = None
    ended: Step | None = None
    waiting: list[tuple[int, Step]] = field(default_factory=list)
    withheld: bool = False

    def hear(self, step: Step, now_us: int) -> bool:
        """Take the next step; whether there is something new to tell."""
        last = self.waiting[-1][1] if self.waiting else self.told
        if last is None or last.open != step.open:
            if last is None and not step.open:
                return False  # the end of what was never open
            self.waiting.append((now_us, step))
            return True
        if self.waiting:
            self.waiting[-1] = (self.waiting[-1][0], step)
        else:
            self.told = step
        return False

    def take(self, step: Step) -> None:
        """Take a step, and all before it, as told."""
        self.waiting = [(at, one) for at, one in self.waiting if one.alert.seq > step.alert.seq]
        self.withheld = False
        self.told, self.ended = (step, self.ended) if step.open else (None, step)

    def due(self, why: Callable[[Alert], Collection[str]]) -> tuple[Step | None, Step | None]:
        """The step to tell now, or the end of an episode that came and went while held back.

        Args:
            why: By what an alert is held back; only a beginning is ever held back, since a
                receiver that was told of it waits for the end.
        """
        if not self.waiting:
            return None, None
        first = self.waiting[0][1]
        if not first.open:
            return first, None
        held = bool(why(first.alert))
        self.withheld |= held
        if self.withheld and len(self.waiting) > 1:
            return None, self.waiting[1][1]
        return (None if held else first), None

    def forget_history(self) -> int | None:
        """Keep only what still holds as news; the step up to which all is taken as told."""
        if not self.waiting:
            return None
        _, last = self.waiting[-1]
        self.waiting = self.waiting[-1:] if last.open else []
        return last.alert.seq - int(last.open)

    @property
    def silent(self) -> bool:
        """Nothing is open and nothing is to be told."""
        return self.told is None and not self.waiting
