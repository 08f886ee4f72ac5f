"""A replay onto the log: records to their topics, rows that give none to dead-letters."""

import dataclasses
import hashlib
import json
from typing import Any, Final, Protocol

from producers.publishing import Publishing
from producers.replay.events import Event, Refused
from producers.replay.known import Known
from producers.replay.player import Outcome
from schemas.erasures import OF_DEVICES, ErasureBook
from schemas.records import DeadLetter, Disengagement
from schemas.topics import DEAD_LETTERS
from schemas.validation import check

STAGE: Final = "replay"
CONTEXT_KIND: Final = "contexts"


class Stored(Protocol):
    """A stored object."""

    @property
    def uri(self) -> str:
        """Address."""


class Objects(Protocol):
    """Where the seconds before an event are kept: `infra.objects.ObjectStore`."""

    def put(self, body: bytes, *, kind: str, suffix: str = "") -> Stored:
        """Store bytes under their own SHA-256."""


class Log:
    """Publishes what the log does not hold yet.

    Args:
        source: Of the data set's records.
        code_version: Of this program, for dead letters.
        known: What the log holds; it takes note of what is published.
        erasures: Devices that were forgotten: a replay does not bring them back.
    """

    def __init__(
        self,
        source: str,
        code_version: str,
        publisher: Publishing,
        objects: Objects,
        known: Known,
        erasures: ErasureBook,
    ) -> None:
        self._source, self._code_version = source, code_version
        self._publisher, self._objects = publisher, objects
        self._known, self._erasures = known, erasures

    def send(self, event: Event, replay_us: int) -> Outcome:
        """Publish an event's record, if a topic takes it and the log does not hold it.

        Raises:
            RecordError: The record breaks a rule of its topic.
            OSError: The context cannot be stored.
        """
        if event.topic is None:
            return Outcome.NO_TOPIC
        if self._known.holds(event.body):
            return Outcome.THERE_BEFORE
        if event.topic.name in OF_DEVICES and self._erasures.covering(event.body.device_id, 0):
            return Outcome.ERASED
        record = self._with_context(event)
        check(event.topic, record, replay_us)
        self._publisher.publish(event.topic, record)
        self._known.observe(record)
        return Outcome.REPLAYED

    def refuse(self, refused: Refused, replay_us: int) -> None:
        """Publish a dead letter, if the log does not hold it."""
        letter = self._letter(refused, replay_us)
        if not self._known.holds(letter):
            self._publisher.publish(DEAD_LETTERS, letter)
            self._known.observe(letter)

    def _with_context(self, event: Event) -> Any:
        if event.context is None or not isinstance(event.body, Disengagement):
            return event.body
        body = json.dumps(list(event.context), allow_nan=False).encode()
        stored = self._objects.put(body, kind=CONTEXT_KIND, suffix=".json")
        return dataclasses.replace(event.body, context_uri=stored.uri)

    def _letter(self, refused: Refused, replay_us: int) -> DeadLetter:
        place = f"{self._source}/{refused.file}"
        return DeadLetter(
            event_id=hashlib.sha256(f"{place}/{refused.row}".encode()).hexdigest()[:32],
            source=self._source,
            # The row never was on a topic: it is of its file.
            topic=place,
            topic_id="",
            partition=0,
            offset=refused.row,
            ts=replay_us,
            headers={},
            body=refused.text.encode(),
            stage=STAGE,
            error_class=refused.why,
            reason=refused.detail,
            code_version=self._code_version,
            attempt=1,
        )
