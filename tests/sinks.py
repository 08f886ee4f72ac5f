"""A sink in a thread, and the world it needs, for tests on real engines."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from consumers.clickhouse.census import Count, census
from consumers.clickhouse.client import native
from consumers.clickhouse.sink import assembled
from infra.clickhouse.migrate import apply
from infra.kafka.admin import Admin
from infra.kafka.publisher import Publisher
from infra.settings import ClickHouseSettings, KafkaSettings, Settings, SinkSettings
from infra.topics import apply_all
from schemas.codec import Codec
from schemas.registry import FileRegistry

CODEC = Codec(FileRegistry())


class RunningSink:
    """A sink in a thread of its own; its end is never silent."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stopping = threading.Event()
        self._ready = threading.Event()
        self._stop: Callable[[], None] = lambda: None
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="sink-under-test")

    def start(self) -> None:
        """Begin; returns when the loop is about to run, or the sink has failed."""
        self._thread.start()
        self._ready.wait(30)

    def stop(self) -> None:
        """End in order and raise what ended it early."""
        self._stopping.set()
        self._stop()
        self._thread.join(60)
        assert not self._thread.is_alive(), "the sink did not stop"
        if self.failure is not None:
            raise self.failure

    def failed(self, timeout_s: float) -> BaseException:
        """What ended the sink."""
        self._thread.join(timeout_s)
        assert self.failure is not None, f"the sink did not fail in {timeout_s} s"
        return self.failure

    def _run(self) -> None:
        try:
            with assembled(self._settings, self._stopping) as loop:
                self._stop = loop.stop
                self._ready.set()
                loop.run()
        except BaseException as error:  # noqa: BLE001 - handed to the test, which raises it
            self.failure = error
        finally:
            self._ready.set()


def settings_for(
    kafka: KafkaSettings, clickhouse: ClickHouseSettings, group: str, **over: object
) -> Settings:
    """Settings with small batches, so that a short test has many ranges."""
    sink = SinkSettings(group=group, max_age_s=0.1, max_rows=500)
    return Settings(kafka=kafka, clickhouse=clickhouse, sink=sink.model_copy(update=over))


def prepare(kafka: KafkaSettings, clickhouse: ClickHouseSettings) -> None:
    """All topics and all tables."""
    apply_all(Admin(kafka))
    apply(clickhouse)


@contextmanager
def running(settings: Settings) -> Iterator[RunningSink]:
    """A sink for the time of the block."""
    sink = RunningSink(settings)
    sink.start()
    try:
        yield sink
    finally:
        if sink.failure is None:
            sink.stop()


@contextmanager
def publishing(kafka: KafkaSettings) -> Iterator[Publisher]:
    """A publisher for the time of the block."""
    with Publisher(kafka, CODEC, "test") as publisher:
        yield publisher


def counted_until(
    clickhouse: ClickHouseSettings,
    enough: Callable[[Mapping[str, Count]], bool],
    timeout_s: float = 40.0,
) -> dict[str, Count]:
    """The census once it is enough, or the last one seen."""
    deadline = time.monotonic() + timeout_s
    while True:
        counts = census(clickhouse)
        if enough(counts) or time.monotonic() > deadline:
            return counts
        time.sleep(0.2)


def stop_merges(clickhouse: ClickHouseSettings) -> None:
    """So that no merge hides a double before it is counted; in this database only."""
    with native(clickhouse) as client:
        for table in ("inference_events", "ota_acks", "dead_letters", "latency_minutes"):
            client.execute(f"SYSTEM STOP MERGES `{clickhouse.database}`.{table}")
