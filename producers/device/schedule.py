"""When each device's next frame is due: a fixed rate for all, each at its own phase."""

from collections.abc import Sequence


class Schedule:
    """Frame due times of devices 0 to n-1: start + (round + phase) x period.

    One rate for all makes the order of the devices the same in every round, so no queue is
    needed. A schedule that is shifted loses no frame: all later ones are due that much later.

    Args:
        phases: One in [0, 1) for each device.
    """

    def __init__(self, period_us: int, phases: Sequence[float], start_us: int) -> None:
        self._period_us = period_us
        self._order = sorted(range(len(phases)), key=phases.__getitem__)
        self._offsets = [round(phases[index] * period_us) for index in self._order]
        self._round_us, self._place = start_us, 0

    @property
    def next_due_us(self) -> int:
        """When the next frame of any device is due."""
        return self._round_us + self._offsets[self._place]

    def take(self, now_us: int, limit: int) -> list[int]:
        """Devices whose frame is due, in order, at most `limit` and at most once each."""
        taken: list[int] = []
        while len(taken) < min(limit, len(self._order)) and self.next_due_us <= now_us:
            taken.append(self._order[self._place])
            self._place += 1
            if self._place == len(self._order):
                self._place = 0
                self._round_us += self._period_us
        return taken

    def lag_us(self, now_us: int) -> int:
        """How far the next frame is overdue; 0 when it is not."""
        return max(0, now_us - self.next_due_us)

    def shift(self, by_us: int) -> None:
        """Make every frame to come due later."""
        self._round_us += by_us
