"""Calendar windows of the rates: which one a moment is in, and until when it may be counted."""

from dataclasses import dataclass
from typing import Final, TypeVar

from streams.rollout.policy import Policy
from streams.turns import Ints

Times = TypeVar("Times", int, Ints)
"""One moment, or a column of them."""

KEPT: Final = 400
"""Windows that stage two keeps, and that a release's rates are tested over at most."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """Windows of one length, aligned to the epoch; all times are microseconds UTC.

    A record counts when its partition's highest stamp so far, its own included, is not beyond
    its window's deadline: a function of the log alone, whoever reads it when. Once every source
    partition was read beyond the deadline the window is closed: its counts are final, so that
    what comes late can neither add to them nor be added by looking again.
    """

    length_us: int
    lateness_us: int

    @classmethod
    def of(cls, policy: Policy) -> "Calendar":
        """The windows of a policy."""
        return cls(round(policy.rate_window_s * 1e6), round(policy.lateness_s * 1e6))

    def start(self, at_us: Times) -> Times:
        """Begin of the window a moment is in."""
        return at_us - at_us % self.length_us

    def deadline(self, start_us: Times) -> Times:
        """Last ingest time at which records of the window that begins then are counted."""
        return start_us + self.length_us + self.lateness_us

    def closed(self, start_us: int, now_us: int) -> bool:
        """Whether a log that was read up to `now_us` holds no more records of the window."""
        return now_us > self.deadline(start_us)

    def oldest_kept(self, now_us: int) -> int:
        """Begin of the oldest window that is kept."""
        return self.start(now_us) - KEPT * self.length_us
