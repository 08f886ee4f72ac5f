"""Which erasures are due: each once, again when rows came back or an engine was away."""

from collections.abc import Sequence

from consumers.clickhouse.client import UnreachableError
from consumers.erasure.worker import BATCH, SWEEP_EVERY_S, ErasureWorker
from schemas.erasures import Erased, ErasureBook


class FakeEraser:
    """Notes what it is given; devices in `back` have rows again until they are erased."""

    def __init__(self) -> None:
        self.erased: list[str] = []
        self.sizes: list[int] = []
        self.back: set[str] = set()
        self.away = False

    def erase(self, batch: Sequence[Erased]) -> None:
        if self.away:
            raise UnreachableError("ClickHouse is away")
        self.sizes.append(len(batch))
        self.erased += [each.device_id for each in batch]
        self.back -= set(self.erased)

    def came_back(self, batch: Sequence[Erased]) -> bool:
        return any(each.device_id in self.back for each in batch)


class Clock:
    """Seconds that only a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def worker(
    eraser: FakeEraser, book: ErasureBook, done: set[str], clock: Clock | None = None
) -> ErasureWorker:
    return ErasureWorker(eraser, lambda: book, lambda: set(done), clock or Clock())  # type: ignore[arg-type] # stands for an Eraser


def book(*devices: str) -> ErasureBook:
    return ErasureBook([Erased(f"e-{device}", device, 1) for device in devices])


def test_what_is_done_is_not_done_again_and_what_is_new_is_done_once() -> None:
    eraser, known = FakeEraser(), book("a", "b")
    one = worker(eraser, known, {"e-a"})
    one.round()
    one.round()
    assert eraser.erased == ["b"]
    many = book(*(str(number) for number in range(BATCH + 1)))
    worker(eraser, many, set()).round()
    assert eraser.sizes == [1, BATCH, 1]


def test_rows_that_came_back_are_erased_again_at_the_start_and_by_the_hour() -> None:
    eraser, clock = FakeEraser(), Clock()
    eraser.back = {"b"}
    one = worker(eraser, book("a", "b"), {"e-a", "e-b"}, clock)
    one.round()
    assert eraser.erased == ["b"]
    eraser.back = {"a"}
    one.round()
    assert eraser.erased == ["b"]
    clock.now = SWEEP_EVERY_S
    one.round()
    assert eraser.erased == ["b", "a"]


def test_an_engine_that_is_away_is_waited_for() -> None:
    eraser = FakeEraser()
    eraser.away = True
    one = worker(eraser, book("a"), set())
    one.round()
    assert one.away == "ClickHouse is away"
    eraser.away = False
    one.round()
    assert (one.away, eraser.erased) == ("", ["a"])
