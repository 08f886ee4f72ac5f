"""A lease is asked for in another thread, renewed in time, and never used too old."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

import pytest

from consumers.clickhouse.faults import Fault
from consumers.clickhouse.lease_keeper import PAUSE_S, RENEW_AGE_S, LeaseKeeper
from consumers.clickhouse.leases import Lease
from consumers.clickhouse.patience import GiveUpError, Patience
from consumers.clickhouse.server import ServerError


class Later(Executor):
    """Runs what was submitted when told to."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Future[Any], Callable[[], Any]]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.waiting.append((future, lambda: fn(*args, **kwargs)))
        return future

    def run(self) -> None:
        waiting, self.waiting = self.waiting, []
        for future, action in waiting:
            try:
                future.set_result(action())
            except ServerError as error:
                future.set_exception(error)


class World:
    """A keeper, its clock and the server it asks."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pool = Later()
        self.error: ServerError | None = None
        self.given = 0
        self.keeper = LeaseKeeper(self.ask, self.pool, Patience(60.0, lambda: self.now))

    def ask(self) -> Lease:
        if self.error:
            raise self.error
        self.given += 1
        return Lease(self.given, {})

    def current(self, *, wanted: bool = True) -> Lease | None:
        return self.keeper.current(self.now, wanted=wanted)


def test_nothing_is_asked_while_nothing_waits() -> None:
    world = World()
    assert world.current(wanted=False) is None
    assert not world.pool.waiting


def test_the_polling_thread_never_waits_for_the_answer() -> None:
    world = World()
    assert world.current() is None
    assert world.current() is None
    assert len(world.pool.waiting) == 1
    world.pool.run()
    assert world.current() == Lease(1, {})


def test_it_is_renewed_in_the_background_and_the_old_one_serves_meanwhile() -> None:
    world = World()
    world.current()
    world.pool.run()
    world.current()
    world.now = RENEW_AGE_S + 1
    assert world.current() == Lease(1, {})
    world.pool.run()
    assert world.current() == Lease(2, {})


def test_a_lease_that_could_not_be_renewed_is_not_used_too_old() -> None:
    world = World()
    world.current()
    world.pool.run()
    world.current()
    world.now = 2 * RENEW_AGE_S + 0.1
    assert world.current() is None


def test_age_counts_from_the_asking_not_from_the_answer() -> None:
    world = World()
    world.current()
    world.now = 2 * RENEW_AGE_S + 1
    world.pool.run()
    assert world.current() is None


def test_a_forgotten_lease_is_asked_for_again() -> None:
    world = World()
    world.current()
    world.pool.run()
    world.current()
    world.keeper.forget()
    assert world.current() is None
    world.pool.run()
    assert world.current() == Lease(2, {})


def test_while_clickhouse_is_silent_it_asks_again_after_a_pause_and_gives_up_at_the_limit() -> None:
    world = World()
    world.error = ServerError("down", Fault.WAIT)
    world.current()
    world.pool.run()
    assert world.current() is None
    assert not world.pool.waiting
    world.now += PAUSE_S
    world.current()
    assert len(world.pool.waiting) == 1
    world.now += 60.0
    world.pool.run()
    with pytest.raises(GiveUpError, match="GIVE_UP_AFTER_S=60"):
        world.current()


def test_a_refusal_that_waiting_does_not_help_is_raised() -> None:
    world = World()
    world.error = ServerError("wrong password", Fault.STOP)
    world.current()
    world.pool.run()
    with pytest.raises(ServerError, match="wrong password"):
        world.current()
