"""How long ClickHouse may be silent before the sink stops; pure but for an injected clock."""

import time
from collections.abc import Callable


class GiveUpError(RuntimeError):
    """ClickHouse did not answer for longer than the limit."""


class Patience:
    """How long ClickHouse may be silent, over all threads.

    Args:
        limit_s: FLEETLOOP_SINK__GIVE_UP_AFTER_S.
        clock: Monotonic seconds.
    """

    def __init__(self, limit_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit_s = limit_s
        self._clock = clock
        self._silent_since: float | None = None

    @property
    def silent_s(self) -> float:
        """Seconds since it last answered, 0 while it does."""
        return 0.0 if self._silent_since is None else self._clock() - self._silent_since

    def answered(self) -> None:
        """It does answer."""
        self._silent_since = None

    def failed(self, error: Exception) -> None:
        """It does not.

        Raises:
            GiveUpError: For longer than the limit.
        """
        now = self._clock()
        since = self._silent_since = now if self._silent_since is None else self._silent_since
        if now - since >= self._limit_s:
            raise GiveUpError(
                f"no insert was accepted for {now - since:.0f} s "
                f"(FLEETLOOP_SINK__GIVE_UP_AFTER_S={self._limit_s:g}): {error}"
            ) from error
