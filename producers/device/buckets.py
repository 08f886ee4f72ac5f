"""Token buckets: so much at once, so much an hour in the long run."""

import math
from dataclasses import dataclass
from typing import Final

HOUR_US: Final = 3_600_000_000


@dataclass(slots=True)
class TokenBucket:
    """A quota of edge cases, or of bytes: `burst` at once, `per_hour` in the long run.

    Formula: tokens(t) = min(burst, tokens + (t - last) x per_hour / 1 h).
    """

    burst: float
    per_hour: float
    tokens: float
    last_us: int = 0

    @classmethod
    def full(cls, burst: float, per_hour: float) -> "TokenBucket":
        """One that nothing was taken from."""
        return cls(burst, per_hour, tokens=burst)

    def holds(self, now_us: int, amount: float = 1.0) -> bool:
        """Whether so much can be spent now; a clock that goes back gives none."""
        elapsed = max(0, now_us - self.last_us)
        self.tokens = min(self.burst, self.tokens + elapsed * self.per_hour / HOUR_US)
        self.last_us = max(self.last_us, now_us)
        return self.tokens >= amount

    def wait_us(self, amount: float) -> int:
        """How long after the last look it holds so much, which must not be more than `burst`."""
        return math.ceil(max(0.0, amount - self.tokens) * HOUR_US / self.per_hour)

    def spend(self, amount: float = 1.0) -> None:
        """Spend what it holds."""
        self.tokens -= amount
