"""A worker process: one processor inside one Faust application, from start to orderly stop.

The event loop belongs to Faust; everything that may block (decoding, catching up, publishing,
storing state) runs in one thread of its own, in the order in which it was asked for.
"""

import asyncio
import logging
import signal
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Final, TypeVar

from infra.health import Check, HealthServer
from infra.kafka.admin import Admin
from infra.kafka.ends import LogEnds
from infra.kafka.errors import LogChangedError
from infra.kafka.follower import Follower
from infra.kafka.publisher import Publisher
from infra.objects import ObjectStore
from infra.settings import Settings
from schemas.codec import Codec
from schemas.columns import ColumnDecoder
from schemas.registry import Registry, registry_from
from schemas.validation import validate
from streams.app import create_app
from streams.checkpoints import Checkpoints
from streams.fetched import BatchReader, FetchedBatch
from streams.metrics import WorkerMetrics
from streams.processor import Processor, Source
from streams.runner import Runner

TICK_S: Final = 0.25
STALL_S: Final = 15.0
STOP_S: Final = 20.0

logger = logging.getLogger("fleetloop.worker")
Result = TypeVar("Result")


class Worker:
    """Drives a runner from Faust's callbacks and its own timer.

    Args:
        runner: Does the work; called in one thread only.

    Attributes:
        failure: What stopped the worker; None while it runs and after an orderly stop.
    """

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="fold")
        self._stopping = asyncio.Event()
        self._opened = self._finished = False
        self._ticked_at = time.monotonic()
        self.failure: BaseException | None = None

    def request_stop(self) -> None:
        """Ask for an orderly stop; callable from a signal handler."""
        self._stopping.set()

    async def start(self) -> None:
        """Read what must be known before the first record."""
        await self._call(self._runner.start)

    async def open(self, sources: Iterable[Source]) -> Mapping[Source, int]:
        """Part of `Positions`: load state of assigned partitions; none once it has finished."""
        if self._finished:
            return {}
        wanted = frozenset(sources)
        try:
            starts = await self._call(lambda: self._runner.open(wanted))
        except Exception as error:
            self._fail(error)
            raise
        self._opened = True
        return starts

    def committable(self) -> Mapping[Source, int]:
        """Part of `Positions`: what stored checkpoints include."""
        return self._runner.committable

    async def take(self, batch: FetchedBatch) -> None:
        """Fold a batch; a failure stops the worker and nothing more is folded."""
        await self._attempt(lambda: self._runner.take(batch))

    async def revoked(self) -> None:
        """Store and forget the state of all partitions; Faust hands them out anew."""
        await self._attempt(lambda: self._runner.close(self._runner.sources))

    async def keep_time(self) -> None:
        """Tick until a stop is asked for."""
        while not self._stopping.is_set():
            await self._attempt(self._runner.tick)
            self._ticked_at = time.monotonic()
            try:
                await asyncio.wait_for(self._stopping.wait(), TICK_S)
            except TimeoutError:
                continue

    async def finish(self) -> None:
        """Store the state, unless a failure came before it; what Faust still brings is left."""
        await self._attempt(self._runner.finish)
        self._finished = True
        self._thread.shutdown(wait=False)

    def checks(self) -> dict[str, Callable[[], Check]]:
        """What /readyz asks."""
        return {
            "assigned": lambda: Check(self._opened, f"{len(self._runner.sources)} partitions"),
            "recovered": lambda: Check(self._opened and self.failure is None, self._told()),
            "dependencies": self._dependencies,
        }

    def _dependencies(self) -> Check:
        age = time.monotonic() - self._ticked_at
        return Check(age < STALL_S, f"broker and followed topics answered {age:.1f} s ago")

    def _told(self) -> str:
        return repr(self.failure) if self.failure else "state loaded"

    async def _attempt(self, work: Callable[[], None]) -> None:
        if self._finished or self.failure is not None:
            return
        try:
            await self._call(work)
        except Exception as error:  # noqa: BLE001 - whatever it is, the worker stops at it
            self._fail(error)

    async def _call(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _fail(self, error: BaseException) -> None:
        if self.failure is None:
            self.failure = error
            logger.error("worker stops: %s: %s", type(error).__name__, error, exc_info=error)
        self._stopping.set()


def run(processor: Processor, settings: Settings) -> int:
    """Run a processor until SIGTERM or SIGINT.

    Returns:
        Exit code: 0 after an orderly stop, 1 when something stopped it; the log says what.
    """
    with ExitStack() as stack:
        registry = registry_from(settings.registry_url)
        metrics = WorkerMetrics()
        metrics.include(processor)
        runner = _runner(processor, settings, registry, metrics, stack)
        datadir = stack.enter_context(tempfile.TemporaryDirectory(prefix="fleetloop-faust-"))
        return asyncio.run(_serve(processor, settings, runner, metrics, datadir))


def _runner(
    processor: Processor,
    settings: Settings,
    registry: Registry,
    metrics: WorkerMetrics,
    stack: ExitStack,
) -> Runner:
    kafka, codec = settings.kafka, Codec(registry)
    client_id = f"fleetloop.{processor.name}"
    admin = Admin(kafka)
    names = [spec.name for spec in processor.batched]
    topic_ids = admin.topic_ids(names)
    ends = LogEnds(kafka, f"{client_id}-ends")
    stack.callback(ends.close)
    following = None
    if processor.followed:
        following = Follower(kafka, codec, processor.followed, f"{client_id}-follower")
        stack.callback(following.close)
    publisher = Publisher(kafka, codec, client_id)
    stack.callback(publisher.close, 0.0)
    disk = ThreadPoolExecutor(1, thread_name_prefix="disk")
    stack.callback(disk.shutdown)
    return Runner(
        processor,
        topic_ids=topic_ids,
        reader=BatchReader(processor.batched, ColumnDecoder(registry), validate),
        ends=ends,
        following=following,
        publisher=publisher,
        checkpoints=Checkpoints(
            ObjectStore(settings.objects_url),
            processor.name,
            adopt_new_topic=settings.adopt_new_topic,
        ),
        metrics=metrics,
        disk=disk,
        check_logs=lambda: _check_logs(admin, topic_ids),
        checkpoint_interval_s=settings.checkpoint_interval_s,
    )


def _check_logs(admin: Admin, topic_ids: Mapping[str, str]) -> None:
    for name, found in admin.topic_ids(topic_ids.keys()).items():
        if found != topic_ids[name]:
            raise LogChangedError(
                f"topic {name} was deleted and made again: its id was {topic_ids[name]}, now it "
                f"is {found}; start again, with --adopt-new-topic if that was meant"
            )


async def _serve(
    processor: Processor,
    settings: Settings,
    runner: Runner,
    metrics: WorkerMetrics,
    datadir: str,
) -> int:
    worker = Worker(runner)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, worker.request_stop)
    app = create_app(
        settings.kafka,
        f"fleetloop.{processor.name}",
        processor.batched,
        positions=worker,
        take=worker.take,
        datadir=datadir,
    )

    @app.on_partitions_revoked.connect
    async def store(*_args: object, **_kwargs: object) -> None:
        await worker.revoked()

    with ExitStack() as stack:
        if settings.metrics_port is not None:
            server = HealthServer(settings.metrics_port, worker.checks(), registry=metrics.registry)
            stack.enter_context(server)
            logger.info("health and metrics on 127.0.0.1:%d", server.port)
        await worker.start()
        await app.start()
        await worker.keep_time()
        await worker.finish()
        await asyncio.wait_for(app.stop(), STOP_S)
    return 0 if worker.failure is None else 1
