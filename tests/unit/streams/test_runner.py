"""The runner: exact whatever the batching, the crashes and the zombies."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.kafka.errors import DeliveryError
from schemas.facts import Fact
from schemas.topics import INFERENCE_EVENTS, TopicSpec
from streams.checkpoints import KEPT_FOR, OtherLogError
from streams.fetched import GapError
from streams.processor import Outgoing, Position, Source, Standing
from tests.log_fakes import (
    NOW_US,
    TOPIC,
    AtOnce,
    Bench,
    FakeFollower,
    LogRecord,
    P,
    Result,
    good,
    record,
    stretch,
)
from tests.summing import POISON_PRODUCED, Summing, SummingFold

SOURCE: Source = (TOPIC, 0)
VALUES = [good(at % 9) if at % 5 else b"poison" for at in range(40)]
LOG = [record(at, value) for at, value in enumerate(VALUES)]


class Watched(Summing):
    """Keeps the positions it is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Position] = []

    def emit(self, standing: Standing) -> Sequence[Outgoing]:
        self.seen += standing.partitions.values()
        return super().emit(standing)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def folded_one_by_one(bench: Bench, log: list[LogRecord]) -> SummingFold:
    """What a plain agent makes of the log: one event at a time, never interrupted."""
    plain = Summing()
    worker = bench.worker(plain)
    worker.open([SOURCE])
    for each in log:
        worker.take(stretch([each]))
    return plain.folds[SOURCE]


def cuts(draw: st.DrawFn) -> Iterator[tuple[int, int]]:
    """Stretches that cover the log in order, each perhaps begun again further back."""
    done = 0
    while done < len(LOG):
        first = draw(st.integers(0, done))
        last = draw(st.integers(done, len(LOG) - 1))
        yield first, last + 1
        done = last + 1


@given(st.data())
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_batching_and_any_crash_equals_one_event_at_a_time(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    bench = Bench(tmp_path_factory.mktemp("runner"))
    summing = Summing(version="batched")
    worker = bench.worker(summing)
    worker.open([SOURCE])
    todo = data.draw(st.composite(lambda draw: list(cuts(draw)))())
    while todo:
        first, end = todo[0]
        match data.draw(st.sampled_from(["go on", "go on", "crash", "rebalance", "store"])):
            case "crash":
                summing = Summing(version="batched")
                worker = bench.worker(summing)
                start = worker.open([SOURCE])[SOURCE]
                worker.take(stretch(LOG[start:end]))
            case "rebalance":
                worker.close([SOURCE])
                start = worker.open([SOURCE])[SOURCE]
                worker.take(stretch(LOG[start:end]))
            case "store":
                worker.take(stretch(LOG[first:end]))
                bench.clock.seconds += 60
                worker.tick()
            case _:
                worker.take(stretch(LOG[first:end]))
        todo.pop(0)
    expected = folded_one_by_one(bench, LOG).totals()
    assert summing.folds[SOURCE].totals() == expected
    assert expected["records"] == sum(value != b"poison" for value in VALUES)


def test_an_older_checkpoint_of_a_zombie_costs_reading_again_only(bench: Bench) -> None:
    zombie, living = bench.worker(Summing()), bench.worker(Summing())
    zombie.open([SOURCE])
    zombie.take(stretch(LOG[:10]))
    living.open([SOURCE])
    living.take(stretch(LOG[:30]))
    living.finish()
    zombie.finish()
    summing = Summing()
    third = bench.worker(summing)
    assert third.open([SOURCE]) == {SOURCE: 10}
    third.take(stretch(LOG[10:]))
    assert summing.folds[SOURCE].totals() == folded_one_by_one(bench, LOG).totals()


def test_another_generation_is_made_again_from_the_beginning(bench: Bench) -> None:
    first = bench.worker(Summing(version="1"))
    first.open([SOURCE])
    first.take(stretch(LOG))
    first.finish()
    assert bench.worker(Summing(version="1")).open([SOURCE]) == {SOURCE: len(LOG)}
    assert bench.worker(Summing(version="2")).open([SOURCE]) == {SOURCE: 0}


def test_every_generation_is_asked_for_before_the_first_fold(bench: Bench) -> None:
    asked: list[str] = []

    class Asked(Summing):
        def generation(self, topic: TopicSpec, topic_id: str) -> str:
            asked.append(topic.name)
            return super().generation(topic, topic_id)

    bench.worker(Asked())
    assert asked == [TOPIC]


def test_a_fresh_state_starts_where_the_log_starts_and_says_what_it_lacks(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.ends.begins[SOURCE] = 7
    worker = bench.worker(Summing())
    assert worker.open([SOURCE]) == {SOURCE: 7}
    assert "inference-events partition 0: no state" in caplog.text
    assert "the 7 records before offset 7" in caplog.text
    worker.take(stretch(LOG[7:9]))


def test_a_state_that_lacks_the_beginning_says_so_ever_after(bench: Bench) -> None:
    bench.ends.begins[SOURCE] = 7
    first = Watched()
    worker = bench.worker(first)
    worker.open([SOURCE])
    worker.tick()
    assert first.seen[-1].blind_before_us == bench.clock.us()  # nothing was read: at most this
    worker.take(stretch(LOG[7:9]))
    worker.take(stretch(LOG[9:12]))
    lost_before_us = LOG[7].timestamp * 1_000
    assert first.seen[-1].blind_before_us == lost_before_us
    worker.finish()
    later = Watched()
    worker = bench.worker(later)
    worker.open([SOURCE])
    worker.take(stretch(LOG[12:14]))
    assert later.seen[-1].blind_before_us == lost_before_us


def test_a_state_begun_with_the_log_lacks_nothing(bench: Bench) -> None:
    summing = Watched()
    worker = bench.worker(summing)
    worker.open([SOURCE])
    worker.take(stretch(LOG[:2]))
    assert summing.seen[-1].blind_before_us == 0


class Begun(Summing):
    """Its states say when the first process that held them was first asked for news."""

    def emit(self, standing: Standing) -> Sequence[Outgoing]:
        for fold in self.folds.values():
            fold.order = fold.order or standing.now_us
        return super().emit(standing)


def test_a_state_outlives_a_worker_that_dies_before_it_has_read_anything(bench: Bench) -> None:
    begun_us = bench.clock.us()
    bench.ends.begins[SOURCE] = 7
    bench.worker(Begun()).open([SOURCE])
    bench.clock.seconds += 60
    bench.ends.begins[SOURCE] = 9
    again = Begun()
    worker = bench.worker(again)
    assert worker.open([SOURCE]) == {SOURCE: 9}
    assert again.folds[SOURCE].order == begun_us
    worker.take(stretch(LOG[9:12]))


class _Slow(AtOnce):
    """A disk that does nothing until it is let."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], object]] = []

    def submit(
        self, fn: Callable[P, Result], /, *args: P.args, **kwargs: P.kwargs
    ) -> Future[Result]:
        told: Future[Result] = Future()
        self.waiting.append(lambda: told.set_result(fn(*args, **kwargs)))
        return told


def test_a_slow_disk_does_not_hold_up_the_log(bench: Bench) -> None:
    slow = _Slow()
    worker = bench.worker(Summing())
    worker.open([SOURCE])
    worker.finish()
    bench.disk = slow
    worker = bench.worker(Summing())
    worker.open([SOURCE])
    for first in range(3):
        bench.clock.seconds += 60
        worker.take(stretch(LOG[10 * first : 10 * first + 10]))
        assert len(slow.waiting) == 1
    assert worker.committable == {SOURCE: 0}
    slow.waiting.pop()()
    worker.tick()
    assert worker.committable == {SOURCE: 10}
    worker.tick()
    slow.waiting.pop()()
    worker.tick()
    assert worker.committable == {SOURCE: 30}
    assert bench.worker(Summing()).open([SOURCE]) == {SOURCE: 30}


def test_a_full_disk_is_named_and_survived(
    bench: Bench, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    summing = Summing()
    worker = bench.worker(summing)
    worker.open([SOURCE])
    worker.take(stretch(LOG[:10]))
    bench.clock.seconds += 60
    worker.tick()

    def full(name: str, *_parts: bytes) -> None:
        raise OSError(28, f"cannot store object {name}: No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(bench.store, "put_named", full)
        worker.take(stretch(LOG[10:20]))
        bench.clock.seconds += 60
        worker.tick()
    assert "partition 0 is not stored, that through offset 9 is" in caplog.text
    assert "No space left on device" in caplog.text
    assert worker.committable == {SOURCE: 10}
    assert bench.worker(Summing()).open([SOURCE]) == {SOURCE: 10}
    worker.take(stretch(LOG[20:]))
    worker.finish()
    assert bench.worker(Summing()).open([SOURCE]) == {SOURCE: len(LOG)}


def test_old_builds_are_deleted_when_the_one_in_use_has_state(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in ("1", "2"):
        worker = bench.worker(Summing(version=version))
        worker.open([SOURCE])
        worker.take(stretch(LOG[:3]))
        worker.finish()
    assert len(bench.store.list("checkpoints")) == 2
    longago = datetime.now(UTC) - KEPT_FOR - timedelta(minutes=1)
    monkeypatch.setattr(bench.store, "modified", lambda _: longago)
    bench.worker(Summing(version="3")).open([SOURCE])
    assert len(bench.store.list("checkpoints")) == 3
    bench.worker(Summing(version="2")).open([SOURCE])
    (kept,) = bench.store.list("checkpoints")
    assert kept.endswith(Summing(version="2").generation(INFERENCE_EVENTS, "log-1"))


def test_state_of_another_log_stops_the_worker(bench: Bench) -> None:
    first = bench.worker(Summing())
    first.open([SOURCE])
    first.take(stretch(LOG[:3]))
    first.finish()
    with pytest.raises(OtherLogError, match=r"log-1.*log-2"):
        bench.worker(Summing(), topic_id="log-2").open([SOURCE])


def test_an_error_nobody_expected_leaves_nothing_behind_it_committed(bench: Bench) -> None:
    worker = bench.worker(Summing(fail_at=POISON_PRODUCED))
    worker.open([SOURCE])
    worker.take(stretch(LOG[:10]))
    bench.clock.seconds += 60
    worker.tick()
    failing = [record(10, good(1)), record(11, good(POISON_PRODUCED)), record(12, good(1))]
    with pytest.raises(ZeroDivisionError):
        worker.take(stretch(failing))
    assert worker.committable == {SOURCE: 10}
    assert bench.worker(Summing(fail_at=POISON_PRODUCED)).open([SOURCE]) == {SOURCE: 10}


def test_a_gap_stops_the_worker(bench: Bench) -> None:
    worker = bench.worker(Summing())
    worker.open([SOURCE])
    with pytest.raises(GapError, match="offset 3 follows -1"):
        worker.take(stretch(LOG[3:5]))


def test_nothing_is_stored_before_what_was_said_is_acknowledged(bench: Bench) -> None:
    worker = bench.worker(Summing())
    worker.open([SOURCE])
    worker.take(stretch(LOG[:10]))
    assert len(bench.publisher.waiting) == 1
    bench.publisher.broken = True
    with pytest.raises(DeliveryError, match="slo-partials"):
        worker.finish()
    bench.publisher.broken = False
    assert bench.worker(Summing()).open([SOURCE]) == {SOURCE: 0}
    assert bench.worker(Summing()).open([SOURCE]) == {SOURCE: 0}


def test_a_batch_that_comes_after_its_partition_went_is_left(bench: Bench) -> None:
    summing = Summing()
    worker = bench.worker(summing)
    worker.open([SOURCE])
    worker.close([SOURCE])
    worker.take(stretch(LOG[:10]))
    assert summing.folds == {}


def test_opening_other_partitions_closes_the_former_ones(bench: Bench) -> None:
    summing = Summing()
    worker = bench.worker(summing)
    worker.open([SOURCE, (TOPIC, 1)])
    worker.take(stretch(LOG[:4]))
    assert worker.open([(TOPIC, 1), (TOPIC, 2)]) == {(TOPIC, 1): 0, (TOPIC, 2): 0}
    assert summing.folds.keys() == {(TOPIC, 1), (TOPIC, 2)}
    assert worker.open([SOURCE]) == {SOURCE: 4}


def test_facts_are_read_to_an_end_asked_for_after_the_batch_came(bench: Bench) -> None:
    fact = Fact(topic="model-releases", partition=0, offset=0, stamp_us=NOW_US, record="release")
    follower, summing = FakeFollower(), Summing(follow=True)
    worker = bench.worker(summing, follower=follower)
    worker.start()
    worker.open([SOURCE])
    follower.arriving = [fact]
    bench.clock.seconds += 1
    worker.take(stretch(LOG[:2], fetched_at=bench.clock.seconds))
    assert summing.facts == [fact]
    asked = follower.asked
    worker.take(stretch(LOG[2:4], fetched_at=bench.clock.seconds - 1))
    assert follower.asked == asked


def test_positions_tell_how_far_the_log_was_read_and_when_it_was_asked(bench: Bench) -> None:
    summing = Watched()
    bench.ends.ends[SOURCE] = 10
    worker = bench.worker(summing)
    worker.open([SOURCE])
    worker.take(stretch(LOG[:10]))
    assert (summing.seen[-1].applied_through, summing.seen[-1].asked_us) == (9, 0)
    worker.tick()
    assert (summing.seen[-1].end_offset, summing.seen[-1].asked_us) == (10, bench.clock.us())
    assert summing.seen[-1].topic_id == "log-1"
