"""Carries out erasures: after the sink has passed them, and in an order that survives kill -9.

Pictures and places are found by the rows, so they go before the rows do; the report comes last.
A process that dies anywhere leaves rows or no report: the next one does all steps again.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from consumers.clickhouse.client import Native, native
from consumers.clickhouse.logs import survey
from consumers.erasure.conditions import HOLDINGS, MENTIONING_TOPICS
from consumers.erasure.holdings import Holdings
from consumers.erasure.lineage import forget_questions, lineage
from consumers.erasure.mutations import StoppedError
from consumers.erasure.steps import Step, write
from infra.kafka.ends import Source
from infra.kafka.publisher import Publisher
from infra.objects import PICTURE_KIND, ObjectStore, content_name
from infra.settings import Settings
from schemas.erasures import Erased
from schemas.media import MEDIA
from schemas.topics import DEVICES

_LOOK_EVERY_S: Final = 1.0
_TELL_EVERY_S: Final = 30.0
_TOPICS: Final = frozenset({*(each.topic for each in HOLDINGS), *MENTIONING_TOPICS})

logger = logging.getLogger("fleetloop.erasure")


class Eraser:
    """Erases batches of devices.

    Args:
        settings: Whole settings; the sink's group says how far the sink is.
        publisher: Writes tombstones.
        objects: Holds the pictures.
        wait: Waits so many seconds; True: stop instead of going on.
        settle_s: How long an insert that was begun before may still arrive: the sink's lease.
    """

    def __init__(
        self,
        settings: Settings,
        publisher: Publisher,
        objects: ObjectStore,
        wait: Callable[[float], bool],
        settle_s: float,
    ) -> None:
        self._settings = settings
        self._publisher = publisher
        self._objects = objects
        self._wait = wait
        self._settle_s = settle_s

    def erase(self, batch: Sequence[Erased]) -> None:
        """All of it; when it returns, nothing of the devices is stored and nothing can come back.

        Raises:
            StoppedError: The wait said so.
            ClickHouseError, UnreachableError: ClickHouse refuses or is away.
            AdminError, KafkaUnreachableError, LedgerError: How far the sink is cannot be told.
            DeliveryError: A tombstone was not acknowledged.
        """
        self._await_sink()
        passed_at = time.monotonic()
        with native(self._settings.clickhouse) as client:
            holdings = Holdings(client, lambda: self._wait(0))
            self._forget_outside(client, holdings, batch)
            self._forget_rows(holdings, batch)
            # An insert begun before the sink knew may still land, within its lease.
            self._pause(passed_at + self._settle_s - time.monotonic())
            while holdings.left(batch):
                self._forget_rows(holdings, batch)
            steps = [Step(erasure_id=e.erasure_id, device_id=e.device_id) for e in batch]
            write(client, steps, datetime.now(UTC))

    def came_back(self, erased: Sequence[Erased]) -> bool:
        """Whether rows are there again, out of a backup for example."""
        with native(self._settings.clickhouse) as client:
            return bool(Holdings(client, lambda: False).left(erased))

    def _await_sink(self) -> None:
        """Until the sink has passed what the logs hold now.

        From then on it knows the erasures and stores nothing that they cover.
        """
        ends: Mapping[Source, int] | None = None
        told_at = time.monotonic() - _TELL_EVERY_S
        while True:
            logs = survey(self._settings, _TOPICS)
            if ends is None:
                ends = {at: log.held.last + 1 for at, log in logs.items() if log.held is not None}
            behind = [
                at
                for at, end in ends.items()
                if (entry := logs[at].entry) is None or entry.position < end
            ]
            if not behind:
                return
            if time.monotonic() - told_at >= _TELL_EVERY_S:
                told_at = time.monotonic()
                logger.info(
                    "waiting for the sink (group %s), which is behind in %d partition(s), for "
                    "example %s/%d",
                    self._settings.sink.group,
                    len(behind),
                    *behind[0],
                )
            self._pause(_LOOK_EVERY_S)

    def _forget_outside(self, client: Native, holdings: Holdings, batch: Sequence[Erased]) -> None:
        """Pictures, questions, the devices topic; what is found is written down before any goes."""
        found = lineage(client, self._objects, batch)
        steps = []
        for each in batch:
            traces = found.traces[each.device_id]
            theirs = holdings.pictures([each]) | traces.pictures
            shared = theirs & (holdings.shown_by_others(batch, sorted(theirs)) | found.of_others)
            steps.append(
                Step(
                    erasure_id=each.erasure_id,
                    device_id=each.device_id,
                    objects=theirs - shared,
                    shared=len(shared),
                    datasets=traces.datasets,
                    releases=traces.releases,
                )
            )
        write(client, steps)
        for digest in sorted({digest for step in steps for digest in step.objects}):
            for medium in MEDIA.values():  # a digest does not tell its medium
                self._objects.delete(content_name(PICTURE_KIND, digest, medium.suffix))
        forget_questions(client, self._objects, batch)
        for each in batch:
            if not holdings.came_back(each):
                self._publisher.publish_bytes(DEVICES, each.device_id.encode(), None)
        self._publisher.flush()

    def _forget_rows(self, holdings: Holdings, batch: Sequence[Erased]) -> None:
        left = holdings.left(batch)
        if left:
            logger.info("%d device(s): deleting %s", len(batch), dict(left))
        holdings.account_for(batch)
        holdings.delete(batch, tuple(left))
        holdings.delete_from_rollups(batch)

    def _pause(self, seconds: float) -> None:
        if self._wait(max(0.0, seconds)):
            raise StoppedError
