"""The erasure worker: follows `erasures`, carries each out, and looks after those that are done."""

import logging
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Final

from consumers.clickhouse.client import UnreachableError, native
from consumers.clickhouse.leases import LEASE_S
from consumers.erasure.eraser import Eraser
from consumers.erasure.mutations import StoppedError
from consumers.erasure.steps import completed
from infra.health import Check, HealthServer
from infra.kafka.erasures import KnownErasures
from infra.kafka.errors import DeliveryError, KafkaUnreachableError
from infra.kafka.publisher import Publisher
from infra.objects import ObjectStore
from infra.settings import Settings
from schemas.codec import Codec
from schemas.erasures import Erased, ErasureBook
from schemas.registry import registry_from

# One rewriting of the tables serves so many devices.
BATCH: Final = 50
LOOK_EVERY_S: Final = 1.0
# Rows of devices erased before can come back out of a backup or by a restore of a topic.
SWEEP_EVERY_S: Final = 3_600.0
_AWAY: Final = (UnreachableError, KafkaUnreachableError, DeliveryError)

logger = logging.getLogger("fleetloop.erasure")


class ErasureWorker:
    """Which erasures are due, and the rounds in which they are carried out.

    Args:
        eraser: Carries them out.
        book: Tells the erasures known now.
        done: Ids of those carried out before.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        eraser: Eraser,
        book: Callable[[], ErasureBook],
        done: Callable[[], set[str]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._eraser = eraser
        self._book = book
        self._ask_done = done
        self._clock = clock
        self._done: set[str] = set()
        self._sweep_at_s = clock()
        self.away = ""

    def round(self) -> None:
        """Carry out what is due. An engine that is away is waited for: the next round tries again.

        Raises:
            StoppedError: The worker is to stop.
            ClickHouseError: ClickHouse refuses; AdminError, LedgerError: Kafka does.
        """
        try:
            known = self._book().all()
            if self._clock() >= self._sweep_at_s:
                done = self._ask_done()
                self._done = done - self._returned([e for e in known if e.erasure_id in done])
                self._sweep_at_s = self._clock() + SWEEP_EVERY_S
            for batch in _batches([each for each in known if each.erasure_id not in self._done]):
                logger.info("erasing %d device(s)", len(batch))
                self._eraser.erase(batch)
                self._done.update(each.erasure_id for each in batch)
                logger.info("erased %d device(s)", len(batch))
        except _AWAY as error:
            logger.warning("erasure waits: %s", error)
            self.away = str(error)
        else:
            self.away = ""

    def _returned(self, done: Sequence[Erased]) -> set[str]:
        returned = [each for batch in _batches(done) for each in self._among(batch)]
        if returned:
            logger.warning("%d erased device(s) have rows again", len(returned))
        return {each.erasure_id for each in returned}

    def _among(self, batch: Sequence[Erased]) -> Sequence[Erased]:
        if not self._eraser.came_back(batch):
            return ()
        return [each for each in batch if self._eraser.came_back([each])]


def run(settings: Settings) -> None:
    """Erase until SIGTERM or SIGINT. Raises as `ErasureWorker.round` and `KnownErasures`."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    serve(settings, stop)


def serve(settings: Settings, stop: threading.Event, *, settle_s: float = LEASE_S) -> None:
    """Erase until `stop` is set.

    Args:
        settings: Whole settings.
        stop: Waits end at once when it is set.
        settle_s: As `Eraser`.
    """
    codec = Codec(registry_from(settings.registry_url))
    with ExitStack() as stack:
        publisher = stack.enter_context(Publisher(settings.kafka, codec, "erasure"))
        known = KnownErasures(settings.kafka, codec, "erasure")
        stack.callback(known.close)

        def done() -> set[str]:
            with native(settings.clickhouse) as client:
                return completed(client)

        objects = ObjectStore(settings.objects_url)
        eraser = Eraser(settings, publisher, objects, stop.wait, settle_s)
        worker = ErasureWorker(eraser, known.now, done)
        if settings.metrics_port is not None:
            checks = {"engines": lambda: Check(not worker.away, worker.away)}
            stack.enter_context(HealthServer(settings.metrics_port, checks))
        try:
            while not stop.wait(LOOK_EVERY_S):
                worker.round()
        except StoppedError:
            logger.info("stopped; what was begun is done again by the next worker")


def _batches(erased: Sequence[Erased]) -> Sequence[Sequence[Erased]]:
    return [erased[first : first + BATCH] for first in range(0, len(erased), BATCH)]
