"""Reads topics whole, without a group: small, decided facts that every process must know."""

import time
from collections.abc import Iterable, Mapping
from typing import Final

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from infra.kafka.admin import Admin, UnknownTopicError
from infra.kafka.config import consumer_config
from infra.kafka.ends import LogEnds, Source
from infra.kafka.errors import CatchUpError, LogChangedError, LogReadError
from infra.kafka.messages import RawMessage
from infra.settings import KafkaSettings
from schemas.codec import Codec
from schemas.errors import RecordError
from schemas.facts import Fact
from schemas.topics import TopicSpec
from schemas.validation import check_all

_PARTITION_EOF: Final = KafkaError._PARTITION_EOF  # noqa: SLF001 - public, but named so
_POLL_RECORDS: Final = 2_000
_IDENTITY_EVERY_S: Final = 5.0


class Follower:
    """Reads every partition of some topics from the beginning on; one thread at a time.

    Args:
        client_id: Name of this reader in the broker's logs.

    Attributes:
        topic_ids: Identity of each followed log, as found at the start.
        refused: Unreadable and invalid records passed over, by topic; the sink dead-letters them.

    Raises:
        UnknownTopicError: A topic is missing.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        codec: Codec,
        topics: Iterable[TopicSpec],
        client_id: str = "follower",
    ) -> None:
        self._codec = codec
        self._specs = {spec.name: spec for spec in topics}
        self._admin = Admin(kafka)
        self._found = self._admin.describe(self._specs)
        self.topic_ids: Mapping[str, str] = {name: at.topic_id for name, at in self._found.items()}
        self.refused: dict[str, int] = dict.fromkeys(self._specs, 0)
        self._checked_at = time.monotonic()
        self._next: dict[Source, int] = {
            (name, partition): 0
            for name, at in self._found.items()
            for partition in range(at.partitions)
        }
        self._ends = LogEnds(kafka, f"{client_id}-ends")
        self._consumer = Consumer(
            consumer_config(kafka, client_id)
            # A followed log may have lost its oldest records to compaction: start where it starts.
            | {"enable.partition.eof": True, "auto.offset.reset": "earliest"}
        )
        self._consumer.assign([TopicPartition(*source, 0) for source in self._next])

    def poll(self, timeout_s: float = 0.0) -> list[Fact]:
        """What has arrived, waiting up to `timeout_s` for the first; each partition in log order.

        Raises:
            LogReadError: The broker refuses to give out a partition.
        """
        if not self._next:
            return []
        first = self._consumer.poll(timeout_s)
        if first is None:
            return []
        return self._facts([first, *self._consumer.consume(_POLL_RECORDS, timeout=0)])

    def catch_up(self, timeout_s: float = 10.0) -> list[Fact]:
        """Read to where every followed log ends now; nothing written before the call is left out.

        Raises:
            CatchUpError: Not reached within `timeout_s`; the message names how far it came.
            LogChangedError: A topic was deleted, deleted and made again, or got more partitions.
            KafkaUnreachableError: The broker does not tell where the logs end.
        """
        deadline = time.monotonic() + timeout_s
        self._check_identity()
        ends = self._ends.ask(self._next, timeout_s)
        facts: list[Fact] = []
        while behind := [source for source, end in ends.items() if self._next[source] < end]:
            if time.monotonic() > deadline:
                places = ", ".join(
                    f"{topic}/{partition} at {self._next[topic, partition]} of "
                    f"{ends[topic, partition]}"
                    for topic, partition in behind
                )
                raise CatchUpError(f"not caught up after {timeout_s} s: {places}")
            facts += self.poll(0.05)
        return facts

    def close(self) -> None:
        """Give the connections back."""
        self._consumer.close()
        self._ends.close()

    def _facts(self, messages: list[Message]) -> list[Fact]:
        """Facts of the readable, valid records; validated together, since one by one is slow."""
        facts = [fact for fact in map(self._fact, messages) if fact is not None]
        refused: set[int] = set()
        for name in {fact.topic for fact in facts}:
            places = [place for place, fact in enumerate(facts) if fact.topic == name]
            records = [facts[place].record for place in places]
            stamps_us = [facts[place].stamp_us for place in places]
            refused |= {places[one.position] for one in check_all(name, records, stamps_us)}
        for place in refused:
            self.refused[facts[place].topic] += 1
        return [fact for place, fact in enumerate(facts) if place not in refused]

    def _fact(self, message: Message) -> Fact | None:
        error = message.error()
        if error is not None:
            self._note_error(message, error)
            return None
        raw = RawMessage.of(message)
        self._next[raw.topic, raw.partition] = raw.offset + 1
        if raw.value is None:
            return None
        try:
            record = self._codec.decode(raw.topic, raw.value)
        except RecordError:
            self.refused[raw.topic] += 1
            return None
        return Fact(
            topic=raw.topic,
            partition=raw.partition,
            offset=raw.offset,
            stamp_us=raw.stamp_us,
            record=record,
        )

    def _note_error(self, message: Message, error: KafkaError) -> None:
        if error.code() == _PARTITION_EOF:
            source = (str(message.topic()), int(message.partition() or 0))
            self._next[source] = max(self._next[source], int(message.offset() or 0))
        else:
            raise LogReadError(
                f"reading {message.topic()}/{message.partition()} stopped: {error.str()}"
            )

    def _check_identity(self) -> None:
        if not self._specs or time.monotonic() - self._checked_at < _IDENTITY_EVERY_S:
            return
        self._checked_at = time.monotonic()
        try:
            found = self._admin.describe(self._specs)
        except UnknownTopicError as error:
            raise LogChangedError(f"a followed topic is gone: {error}") from error
        for name, at in self._found.items():
            if found[name].topic_id != at.topic_id:
                raise LogChangedError(
                    f"topic {name} was deleted and made again: its id was {at.topic_id}, now it is "
                    f"{found[name].topic_id}; start this process again"
                )
            if found[name].partitions != at.partitions:
                raise LogChangedError(
                    f"topic {name} had {at.partitions} partition(s) and has "
                    f"{found[name].partitions} now; start this process again to read them all"
                )
