"""The worker between Faust's callbacks and the runner: an orderly stop stays one."""

import asyncio
from pathlib import Path

from streams.worker import Worker
from tests.log_fakes import TOPIC, Bench, good, record, stretch
from tests.summing import Summing

SOURCE = (TOPIC, 0)
LOG = [record(at, good(1)) for at in range(4)]


def test_what_comes_after_the_state_was_stored_is_left_and_is_no_failure(tmp_path: Path) -> None:
    """Faust still holds batches, and may be handed partitions, until its app has stopped."""
    bench = Bench(tmp_path)

    async def play() -> Worker:
        worker = Worker(bench.worker(Summing()))
        await worker.open([SOURCE])
        await worker.take(stretch(LOG[:2]))
        await worker.finish()
        await worker.take(stretch(LOG[2:]))
        await worker.revoked()
        assert await worker.open([SOURCE]) == {}
        return worker

    assert asyncio.run(play()).failure is None
    assert bench.worker(Summing()).open([SOURCE]) == {SOURCE: 2}


def test_a_failure_stops_the_worker_and_stores_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path)

    async def play() -> Worker:
        worker = Worker(bench.worker(Summing(fail_at=1)))
        await worker.open([SOURCE])
        await worker.take(stretch(LOG))
        await worker.keep_time()
        await worker.finish()
        return worker

    assert isinstance(asyncio.run(play()).failure, ZeroDivisionError)
    assert bench.worker(Summing()).open([SOURCE]) == {SOURCE: 0}
