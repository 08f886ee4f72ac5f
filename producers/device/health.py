"""The health window of a trial boot: does the new model answer, and in time?"""

from dataclasses import dataclass
from typing import Final

from producers.scenario.equipment import Updates

NO_ANSWER: Final = "NO_ANSWER"
DEADLINE_MISSES: Final = "DEADLINE_MISSES"
HEALTHY: Final = ""


@dataclass(slots=True)
class HealthWindow:
    """Counts frames since the trial boot. Results right after loading are not judged."""

    rules: Updates
    began_us: int
    expected: int = 0
    produced: int = 0
    judged: int = 0
    late: int = 0

    def observe(self, *, produced: bool, judged: bool, late: bool) -> None:
        """Count one frame that was due."""
        self.expected += 1
        self.produced += produced
        self.judged += judged
        self.late += late

    def verdict(self, now_us: int) -> str | None:
        """HEALTHY, a reason code, or None while there is not enough to say.

        The window ends when its time is over and enough frames were due: a simulator that is
        behind its schedule makes the window longer, never the device sick.
        """
        # A clock that went back must not make the window endless.
        self.began_us = min(self.began_us, now_us)
        if now_us < self.began_us + round(self.rules.health_s * 1e6):
            return None
        missing = self.expected - self.produced
        if self.judged + missing < self.rules.health_frames:
            return None
        if self.judged == 0 or missing > self.rules.max_missing_share * self.expected:
            return NO_ANSWER
        if self.late > self.rules.max_late_share * self.judged:
            return DEADLINE_MISSES
        return HEALTHY
