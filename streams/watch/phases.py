"""When a condition becomes an alert and when the alert ends: true, or false, for long enough."""

from dataclasses import dataclass
from enum import StrEnum


class Change(StrEnum):
    """What a step changed."""

    FIRED = "FIRED"
    ENDED = "ENDED"


@dataclass(slots=True)
class Phase:
    """Where one alert stands. Times in UTC microseconds.

    Attributes:
        since_us: When its condition became true; None: it is not.
        false_us: While it fires, when the condition became false; None: it holds.
        at_us: When it was judged last.
    """

    since_us: int | None = None
    firing: bool = False
    false_us: int | None = None
    at_us: int = 0

    def step(self, at_us: int, *, holds: bool, for_us: int, gap_us: int) -> Change | None:
        """Judge it again.

        Args:
            at_us: When; an earlier moment than the last changes nothing.
            holds: Whether the condition is true then.
            for_us: How long it must be true to fire, and false to end.
            gap_us: After a longer time unjudged, what was about to happen begins anew.
        """
        if at_us <= self.at_us:
            return None
        if at_us - self.at_us > gap_us:
            self.false_us = None
            self.since_us = self.since_us if self.firing else None
        self.at_us = at_us
        return self._holding(at_us, for_us) if holds else self._not_holding(at_us, for_us)

    def _holding(self, at_us: int, for_us: int) -> Change | None:
        self.false_us = None
        self.since_us = at_us if self.since_us is None else self.since_us
        if self.firing or at_us - self.since_us < for_us:
            return None
        self.firing = True
        return Change.FIRED

    def _not_holding(self, at_us: int, for_us: int) -> Change | None:
        if not self.firing:
            self.since_us = None
            return None
        self.false_us = at_us if self.false_us is None else self.false_us
        if at_us - self.false_us < for_us:
            return None
        self.firing, self.since_us, self.false_us = False, None, None
        return Change.ENDED
