"""A log in memory, and the collaborators of a runner over it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, ParamSpec, TypeVar

import numpy as np

from infra.kafka.errors import DeliveryError
from infra.objects import ObjectStore
from schemas.codec import Codec
from schemas.columns import ColumnDecoder
from schemas.facts import Fact
from schemas.registry import FileRegistry
from schemas.topics import INFERENCE_EVENTS, TopicSpec
from schemas.validation import validate
from streams.checkpoints import Checkpoints
from streams.fetched import BatchReader, FetchedBatch, Records
from streams.metrics import WorkerMetrics
from streams.processor import Processor, Source
from streams.runner import Runner
from tests.summing import event

P = ParamSpec("P")
Result = TypeVar("Result")
NOW_US = 1_750_000_000_000_000
STAMP_MS = NOW_US // 1_000
REGISTRY = FileRegistry()
CODEC = Codec(REGISTRY)
DECODER = ColumnDecoder(REGISTRY)
TOPIC = INFERENCE_EVENTS.name


class LogRecord(NamedTuple):
    """One record of a log."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


def record(offset: int, value: bytes | None) -> LogRecord:
    return LogRecord(offset, STAMP_MS + offset, b"key", value)


def good(produced: int) -> bytes:
    return CODEC.encode(TOPIC, event(1, produced, produced, now_us=NOW_US))


def stretch(
    records: Sequence[LogRecord], partition: int = 0, *, topic: str = TOPIC, fetched_at: float = 0.0
) -> FetchedBatch:
    columns = Records(
        np.array([one.offset for one in records], np.int64),
        np.array([one.timestamp for one in records], np.int64),
        [one.key for one in records],
        [one.value for one in records],
    )
    return FetchedBatch(topic, partition, columns, fetched_at)


def reader(*topics: TopicSpec) -> BatchReader:
    return BatchReader(topics or (INFERENCE_EVENTS,), DECODER, validate)


class FakeEnds:
    """Logs that begin at 0 unless told, and end where told."""

    def __init__(self) -> None:
        self.begins: dict[Source, int] = {}
        self.ends: dict[Source, int] = {}

    def ask(
        self,
        sources: Collection[Source],
        timeout_s: float = 10.0,  # noqa: ARG002 - the interface
    ) -> Mapping[Source, int]:
        return {source: self.ends.get(source, 0) for source in sources}

    def ask_begin(
        self,
        sources: Collection[Source],
        timeout_s: float = 10.0,  # noqa: ARG002 - the interface
    ) -> Mapping[Source, int]:
        return {source: self.begins.get(source, 0) for source in sources}


@dataclass
class FakePublisher:
    """Notes what is published, and whether it was acknowledged."""

    waiting: list[Any] = field(default_factory=list)
    acknowledged: list[Any] = field(default_factory=list)
    broken: bool = False

    def publish(
        self,
        topic: TopicSpec,  # noqa: ARG002 - the interface
        record: Any,
        *,
        partition: int | None = None,  # noqa: ARG002 - the interface
    ) -> None:
        self.waiting.append(record)

    def flush(self, timeout_s: float = 30.0) -> None:
        if self.broken:
            raise DeliveryError("slo-partials", len(self.waiting), f"no answer in {timeout_s} s")
        self.acknowledged += self.waiting
        self.waiting.clear()


@dataclass
class FakeFollower:
    """Facts that arrive when asked for."""

    arriving: list[Fact] = field(default_factory=list)
    asked: int = 0

    def poll(self, timeout_s: float = 0.0) -> list[Fact]:  # noqa: ARG002 - the interface
        facts, self.arriving = self.arriving, []
        return facts

    def catch_up(self, timeout_s: float = 10.0) -> list[Fact]:
        self.asked += 1
        return self.poll(timeout_s)


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds

    def us(self) -> int:
        return NOW_US + int(self.seconds * 1_000_000)


class AtOnce(Executor):
    """Does what it is given before it answers."""

    def submit(
        self, fn: Callable[P, Result], /, *args: P.args, **kwargs: P.kwargs
    ) -> Future[Result]:
        done: Future[Result] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - whoever asks gets it
            done.set_exception(error)
        return done


class Bench:
    """A place to run workers over one log, one after another or side by side."""

    def __init__(self, folder: Path) -> None:
        self.store = ObjectStore(f"file://{folder}/objects")
        self.ends = FakeEnds()
        self.publisher = FakePublisher()
        self.clock = Clock()
        self.disk: Executor = AtOnce()

    def worker(
        self, processor: Processor, *, topic_id: str = "log-1", follower: FakeFollower | None = None
    ) -> Runner:
        return Runner(
            processor,
            topic_ids={TOPIC: topic_id},
            reader=reader(*processor.batched),
            ends=self.ends,
            following=follower,
            publisher=self.publisher,
            checkpoints=Checkpoints(self.store, processor.name),
            metrics=WorkerMetrics(),
            disk=self.disk,
            clock_us=self.clock.us,
            monotonic=self.clock,
        )
