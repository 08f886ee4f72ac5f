"""Who was heard when, in time that the listener lived through: its own gaps do not count."""

from collections.abc import Mapping
from typing import Any, Final

MAX_STEP_US: Final = 15_000_000
SETTLING_US: Final = 3_000_000
"""So long nothing is known, so that everybody has had his turn."""


class HeardClock:
    """A clock that moves with the stamps of our own records, by at most 15 seconds at a time.

    When the listener, or everything, was down for an hour nobody was heard for an hour, and that is
    no stall: the clock has moved by 15 seconds.

    Attributes:
        now_us: Time lived through since the first record.
        stamp_us: Highest stamp it moved with.
    """

    def __init__(self) -> None:
        self.now_us = 0
        self.stamp_us = 0
        self._heard: dict[str, int] = {}

    def move(self, stamp_us: int) -> None:
        """One of our own records with this stamp was read."""
        if self.stamp_us:
            self.now_us += min(max(0, stamp_us - self.stamp_us), MAX_STEP_US)
        self.stamp_us = max(self.stamp_us, stamp_us)

    def hear(self, name: str) -> None:
        """Somebody was heard."""
        self._heard[name] = self.now_us

    def unheard_us(self, name: str) -> int:
        """How long somebody has not been heard; from now on he is expected."""
        return self.now_us - self._heard.setdefault(name, self.now_us)

    def heard_through(self, through: Mapping[str, int], patience_us: int) -> int:
        """Time through which all have told what they count, those left out who are not heard.

        Args:
            through: How far each has told, by name.
            patience_us: Who is not heard for longer is not waited for.

        Returns:
            The least of them; 0: not known, nobody is heard or the clock has just begun.
        """
        live = [at for name, at in through.items() if self.unheard_us(name) <= patience_us]
        return min(live) if live and self.now_us >= SETTLING_US else 0

    def state(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {"now_us": self.now_us, "stamp_us": self.stamp_us, "heard": self._heard}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take the values of `state()`."""
        self.now_us, self.stamp_us = state["now_us"], state["stamp_us"]
        self._heard = dict(state["heard"])
