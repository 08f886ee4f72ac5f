"""Event-time windows: which bucket a moment falls in, and how far event time has come."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt

Micros = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Tumbling:
    """Windows of one size, side by side, aligned to 1970-01-01T00:00:00Z.

    Args:
        size_us: Length in microseconds, above zero.
    """

    size_us: int

    def __post_init__(self) -> None:
        if self.size_us <= 0:
            raise ValueError(f"size_us={self.size_us}: a window is longer than 0 microseconds")

    def start(self, ts: int) -> int:
        """Start of the window that holds `ts`; it ends, exclusive, `size_us` later."""
        return ts - ts % self.size_us

    def starts(self, ts: Micros) -> Micros:
        """Starts of the windows that hold each of int64[n] moments."""
        return ts - ts % self.size_us

    def covering(self, first: int, last: int) -> range:
        """Starts of all windows that touch the closed span [first, last]."""
        return range(self.start(first), last + 1, self.size_us)


@dataclass(frozen=True, slots=True)
class Watermark:
    """How far event time has come: the highest moment seen less the allowed lateness.

    Merging is a join (the maximum), so order and duplicates of what was seen do not matter.

    Attributes:
        lateness_us: How far behind the highest moment a record may be and still count.
        high_us: Highest moment seen; None before the first.
    """

    lateness_us: int
    high_us: int | None = None

    def __post_init__(self) -> None:
        if self.lateness_us < 0:
            raise ValueError(f"lateness_us={self.lateness_us}: lateness is not negative")

    @property
    def us(self) -> int | None:
        """The watermark; None before the first moment."""
        return None if self.high_us is None else self.high_us - self.lateness_us

    def seen(self, ts: int) -> Self:
        """The watermark after a moment was seen."""
        if self.high_us is not None and ts <= self.high_us:
            return self
        return replace(self, high_us=ts)

    def seen_all(self, ts: Micros) -> Self:
        """The watermark after int64[n] moments were seen; n may be 0."""
        return self.seen(int(ts.max())) if ts.size else self

    def merged(self, other: Self) -> Self:
        """The watermark of both histories together."""
        return self if other.high_us is None else self.seen(other.high_us)

    def closed(self, window_end: int) -> bool:
        """Whether a window that ends, exclusive, at `window_end` takes no more records."""
        return self.us is not None and self.us >= window_end


def on_time(ts: Micros, watermark_us: int | None, horizon_us: int) -> npt.NDArray[np.bool_]:
    """Which of int64[n] moments are not older than `horizon_us` before a watermark."""
    if watermark_us is None:
        return np.ones(ts.shape, dtype=np.bool_)
    return ts >= watermark_us - horizon_us
