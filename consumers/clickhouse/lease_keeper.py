"""Keeps a fresh lease at hand without ever making the polling thread wait for ClickHouse."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Final

from consumers.clickhouse.faults import Fault
from consumers.clickhouse.leases import Lease
from consumers.clickhouse.patience import Patience
from consumers.clickhouse.server import ServerError

# Asked for again at this age, and not begun with any more at twice it: 40 of 60 s are left.
RENEW_AGE_S: Final = 10.0
PAUSE_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class _Asked:
    at_s: float
    answer: "Future[Lease]"


class LeaseKeeper:
    """The present lease; belongs to the polling thread.

    Args:
        ask: Asks ClickHouse; runs in the pool.
        pool: Threads that may wait.
        patience: How long ClickHouse may be silent.
    """

    def __init__(self, ask: Callable[[], Lease], pool: Executor, patience: Patience) -> None:
        self._ask = ask
        self._pool = pool
        self._patience = patience
        self._held: Lease | None = None
        self._held_at_s = 0.0
        self._asked: _Asked | None = None
        self._not_before_s = 0.0

    def current(self, now_s: float, *, wanted: bool) -> Lease | None:
        """A lease to begin with, or None while there is none; asks for one when `wanted`.

        Args:
            now_s: Monotonic seconds.
            wanted: Something waits for it.

        Raises:
            ServerError: ClickHouse refuses the question.
            GiveUpError: It is silent for too long.
        """
        self._hear(now_s)
        age = now_s - self._held_at_s
        if self._held is not None and age > 2 * RENEW_AGE_S:
            self._held = None
        due = self._held is None or age > RENEW_AGE_S
        if wanted and due and self._asked is None and now_s >= self._not_before_s:
            self._asked = _Asked(now_s, self._pool.submit(self._ask))
        return self._held

    def forget(self) -> None:
        """The lease ran out earlier than its age says: the process slept."""
        self._held = None

    def _hear(self, now_s: float) -> None:
        if self._asked is None or not self._asked.answer.done():
            return
        asked, self._asked = self._asked, None
        try:
            self._held = asked.answer.result()
        except ServerError as error:
            if error.fault is not Fault.WAIT:
                raise
            self._patience.failed(error)
            self._not_before_s = now_s + PAUSE_S
            return
        self._held_at_s = asked.at_s
        self._patience.answered()
