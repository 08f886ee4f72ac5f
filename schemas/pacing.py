"""How fast an opened wave reaches its devices: a share that grows with time, computed by anyone."""

from typing import Final, NamedTuple

_MINUTE_US: Final = 60_000_000


class Pace(NamedTuple):
    """An opening that is not offered to all its devices at once.

    A device's place in the cohort order decides its minute, so a limit of so many devices a minute
    needs no record but the opening, whatever the size of the fleet.

    Attributes:
        since_us: Broker stamp from which the share grows.
        first: Share that was reached then.
        per_minute: Share of the stratum that is reached in a minute, above 0.
    """

    since_us: int
    first: float
    per_minute: float

    def reached(self, share: float, now_us: int) -> float:
        """Share of the stratum that may take the release by now, at most `share`."""
        minutes = max(0, now_us - self.since_us) / _MINUTE_US
        return min(share, self.first + self.per_minute * minutes)

    def reaches_us(self, place: float) -> int:
        """When it reaches a place in the cohort order, microseconds."""
        minutes = max(0.0, place - self.first) / self.per_minute
        return self.since_us + round(minutes * _MINUTE_US)
