"""The only owner of a consumer group member: polls, hands batches on, commits with metadata."""

import threading
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from confluent_kafka import (
    OFFSET_INVALID,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from infra.kafka.admin import Admin
from infra.kafka.config import consumer_config, session_s
from infra.kafka.ends import LogEnds, Source
from infra.kafka.errors import CommitRefusedError, KafkaUnreachableError, LogReadError
from infra.kafka.message_columns import MessageColumns
from infra.settings import KafkaSettings
from schemas.topics import TopicSpec

_FENCED: Final = frozenset(
    {
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.FENCED_INSTANCE_ID,
        KafkaError._ASSIGNMENT_LOST,  # noqa: SLF001 - public, but named so
        KafkaError._STATE,  # noqa: SLF001 - as above
    }
)
# Not `KafkaError.retriable()`: the client sets it for transactions alone.
_PASSING: Final = frozenset(
    {
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError._TRANSPORT,  # noqa: SLF001 - as above
        KafkaError._TIMED_OUT,  # noqa: SLF001 - as above
        KafkaError._WAIT_COORD,  # noqa: SLF001 - as above
    }
)
_ASK_S: Final = 10.0
# Messages taken at a turn: of more at once the client's objects have left the processor's cache
# before they are read, which makes reading them twice as dear (measured).
_TURN_MESSAGES: Final = 500
_RETRY_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Committed:
    """What the group keeps for a partition.

    Attributes:
        offset: Where to read on; None when nothing was ever committed.
        metadata: The text committed with it; the embedded broker gives back none.
    """

    offset: int | None
    metadata: str = ""


class Deadline:
    """The one budget of time that all steps of a revoke share."""

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds left, never below zero."""
        return max(0.0, self._at - time.monotonic())


class GroupHandler(Protocol):
    """What is done with the records; every method is called in the polling thread.

    An exception from any of them ends `GroupLoop.run` with that exception, nothing committed.
    """

    def assigned(self, committed: Mapping[Source, Committed]) -> Mapping[Source, int]:
        """Say where to start each newly assigned partition; all must be answered."""

    def batch(self, source: Source, messages: MessageColumns) -> None:
        """Take messages of one partition, in log order, one at least."""

    def revoked(self, sources: Collection[Source], deadline: Deadline) -> None:
        """Finish what was started for partitions about to be taken away; may still commit."""

    def lost(self, sources: Collection[Source]) -> None:
        """Drop work on partitions that are owned by someone else by now; must not commit."""

    def idle(self) -> None:
        """Called at each turn of the loop, at least every `poll_s`."""


class GroupLoop:
    """Reads topics as one member of a consumer group.

    All methods but `stop` belong to the polling thread: the handler calls them from its own
    methods, so that a commit never names a partition that was taken away meanwhile.

    Args:
        handler: What is done with the records.
        poll_s: How long a turn waits for messages.

    Attributes:
        topic_ids: Identity of each topic's log, as found at the start of `run`.
        partitions: Number of partitions of each topic.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        group_id: str,
        topics: Iterable[TopicSpec],
        handler: GroupHandler,
        *,
        poll_s: float = 0.1,
    ) -> None:
        self._kafka = kafka
        self._group_id = group_id
        self._topics = [spec.name for spec in topics]
        self._handler = handler
        self._poll_s = poll_s
        self._stopping = threading.Event()
        self._owned: set[Source] = set()
        self._admin = Admin(kafka)
        self._ends = LogEnds(kafka, f"{group_id}-ends")
        self._consumer = Consumer(consumer_config(kafka, group_id, group_id))
        self.topic_ids: Mapping[str, str] = {}
        self.partitions: Mapping[str, int] = {}

    def run(self) -> None:
        """Poll until `stop`; partitions are revoked in order before it returns.

        Raises:
            UnknownTopicError: A topic is missing.
            LogReadError: A partition cannot be read on without losing records.
        """
        found = self._admin.describe(self._topics)
        self.topic_ids = {name: at.topic_id for name, at in found.items()}
        self.partitions = {name: at.partitions for name, at in found.items()}
        self._consumer.subscribe(
            self._topics,
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_lost,
        )
        try:
            while not self._stopping.is_set():
                self._turn()
            self._leave()
        finally:
            self._owned.clear()
            self._consumer.close()
            self._ends.close()

    def stop(self) -> None:
        """Ask `run` to end after its present turn; callable from any thread or a signal."""
        self._stopping.set()

    @property
    def owned(self) -> frozenset[Source]:
        """Partitions this member owns now."""
        return frozenset(self._owned)

    def commit(self, positions: Mapping[Source, Committed]) -> None:
        """Commit offsets with their metadata in one call and wait for the answer.

        Raises:
            CommitRefusedError: The group refused; `fenced` says that the partitions are gone.
            ValueError: A partition is not owned, or has no offset.
        """
        for source, at in positions.items():
            if source not in self._owned or at.offset is None:
                raise ValueError(f"commit of {source} at {at.offset}: not owned or no offset")
        wanted = [
            TopicPartition(topic, partition, at.offset or 0, at.metadata)
            for (topic, partition), at in positions.items()
        ]
        try:
            answers = self._consumer.commit(offsets=wanted, asynchronous=False)
        except KafkaException as error:
            raise self._refused(positions, error.args[0]) from error
        for answer in answers or ():
            if answer.error is not None:
                raise self._refused(positions, answer.error)

    def pause(self, sources: Iterable[Source]) -> None:
        """Stop taking from partitions; polling goes on, so the group keeps this member."""
        self._consumer.pause([TopicPartition(*source) for source in sources])

    def resume(self, sources: Iterable[Source]) -> None:
        """Take from paused partitions again."""
        self._consumer.resume([TopicPartition(*source) for source in sources])

    def begin_offsets(self, sources: Collection[Source]) -> Mapping[Source, int]:
        """First offset that each log still holds. Raises KafkaUnreachableError."""
        return self._ends.ask_begin(sources, _ASK_S)

    def _turn(self) -> None:
        batches: defaultdict[Any, list[Message]] = defaultdict(list)
        for message in self._consumer.consume(_TURN_MESSAGES, timeout=self._poll_s):
            error = message.error()
            if error is not None:
                raise LogReadError(
                    f"group {self._group_id}: {message.topic()}/{message.partition()}: "
                    f"{error.str()}; the offset to read on from is gone or not readable"
                )
            batches[message.topic(), message.partition()].append(message)
        for source, messages in batches.items():
            if source in self._owned:
                self._handler.batch(source, MessageColumns.read(messages))
        self._handler.idle()

    def _leave(self) -> None:
        if self._owned:
            self._handler.revoked(self.owned, self._deadline())

    def _deadline(self) -> Deadline:
        return Deadline(session_s(self._kafka) * 0.5)

    def _on_assign(self, consumer: Any, assigned: list[TopicPartition]) -> None:
        sources = [(at.topic, at.partition) for at in assigned]
        self._check_logs({topic for topic, _ in sources})
        self._owned.update(sources)
        starts = self._handler.assigned(self._committed(sources)) if sources else {}
        consumer.assign([TopicPartition(*source, starts[source]) for source in sources])

    def _check_logs(self, topics: Collection[str]) -> None:
        """A topic made again under its name is another log, whose offsets mean something else."""
        if not topics:
            return
        for name, topic_id in self._admin.topic_ids(topics).items():
            if topic_id != self.topic_ids[name]:
                raise LogReadError(
                    f"group {self._group_id}: topic {name} was deleted and made again while it "
                    f"was read (id {self.topic_ids[name]}, now {topic_id}); start again to be told "
                    "what of it is stored"
                )

    def _on_revoke(self, consumer: Any, revoked: list[TopicPartition]) -> None:
        sources = {(at.topic, at.partition) for at in revoked} & self._owned
        if sources:
            self._handler.revoked(sources, self._deadline())
        self._owned -= sources
        consumer.unassign()

    def _on_lost(self, consumer: Any, lost: list[TopicPartition]) -> None:
        sources = {(at.topic, at.partition) for at in lost} & self._owned
        self._owned -= sources
        if sources:
            self._handler.lost(sources)
        consumer.unassign()

    def _committed(self, sources: Collection[Source]) -> dict[Source, Committed]:
        asked = [TopicPartition(*source) for source in sources]
        deadline = Deadline(_ASK_S)
        while True:
            try:
                answers = self._consumer.committed(asked, timeout=deadline.left() or 0.001)
                break
            except KafkaException as error:
                if error.args[0].code() not in _PASSING or not deadline.left():
                    raise KafkaUnreachableError(
                        f"committed offsets of group {self._group_id}: {error.args[0].str()}"
                    ) from error
                self._stopping.wait(_RETRY_S)
        return {(at.topic, at.partition): _as_committed(at) for at in answers}

    def _refused(self, positions: Iterable[Source], error: KafkaError) -> CommitRefusedError:
        return CommitRefusedError(
            self._group_id,
            [f"{topic}/{partition}" for topic, partition in positions],
            error.str(),
            fenced=error.code() in _FENCED,
        )


def _as_committed(at: TopicPartition) -> Committed:
    if at.error is not None:
        raise KafkaUnreachableError(f"committed offset of {at.topic}/{at.partition}: {at.error}")
    offset = None if at.offset == OFFSET_INVALID or at.offset < 0 else at.offset
    return Committed(offset, at.metadata or "")
