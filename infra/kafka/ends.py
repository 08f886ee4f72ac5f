"""Where logs begin and end now; the end is the offset that the next record will get."""

import time
from collections.abc import Collection, Mapping
from typing import Final, TypeAlias

from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_END,
    Consumer,
    KafkaError,
    KafkaException,
    TopicPartition,
)

from infra.kafka.config import consumer_config
from infra.kafka.errors import KafkaUnreachableError
from infra.settings import KafkaSettings

Source: TypeAlias = tuple[str, int]
"""A partition: topic name and number."""

_PARTITION_EOF: Final = KafkaError._PARTITION_EOF  # noqa: SLF001 - public, but named so
_PASSING: Final = frozenset(
    {
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
    }
)
"""What a partition answers while its leader changes, or has just come up again."""
_RETRY_S: Final = 0.1


class LogEnds:
    """Asks where logs end; one owner, one thread at a time.

    The embedded broker lists the first offset of the last stored batch plus one instead of the
    end, so there the answer is read off a fetch that starts where it listed.
    """

    def __init__(self, kafka: KafkaSettings, client_id: str = "log-ends") -> None:
        self._bootstrap = kafka.bootstrap
        self._lists_batches = kafka.memory_only
        self._consumer = Consumer(
            consumer_config(kafka, client_id)
            | {"enable.partition.eof": True, "fetch.wait.max.ms": 5, "fetch.queue.backoff.ms": 5}
        )

    def ask(self, sources: Collection[Source], timeout_s: float = 10.0) -> Mapping[Source, int]:
        """End offset of each partition, none older than this call.

        Raises:
            KafkaUnreachableError: No answer within `timeout_s`.
        """
        if not sources:
            return {}
        deadline = time.monotonic() + timeout_s
        listed = self._listed(sources, OFFSET_END, deadline)
        return self._fetched(listed, deadline) if self._lists_batches else listed

    def ask_begin(
        self, sources: Collection[Source], timeout_s: float = 10.0
    ) -> Mapping[Source, int]:
        """First offset that each partition still holds, none older than this call.

        Raises:
            KafkaUnreachableError: No answer within `timeout_s`.
        """
        if not sources:
            return {}
        return self._listed(sources, OFFSET_BEGINNING, time.monotonic() + timeout_s)

    def close(self) -> None:
        """Give the connections back."""
        self._consumer.close()

    def _listed(
        self, sources: Collection[Source], which: int, deadline: float
    ) -> dict[Source, int]:
        asked = [TopicPartition(*source, which) for source in sources]
        while True:
            left_s = max(deadline - time.monotonic(), 0.001)
            listed, wrong, why = self._asked(asked, left_s)
            if wrong is None:
                return listed
            if wrong.code() not in _PASSING or left_s <= _RETRY_S:
                raise KafkaUnreachableError(f"{self._bootstrap} did not tell {why}")
            time.sleep(_RETRY_S)

    def _asked(
        self, asked: list[TopicPartition], timeout_s: float
    ) -> tuple[dict[Source, int], KafkaError | None, str]:
        """The places told, or what went wrong and with what."""
        try:
            answers = self._consumer.offsets_for_times(asked, timeout=timeout_s)
        except KafkaException as error:
            wrong = error.args[0]
            return {}, wrong, f"where logs stand: {wrong.str()}"
        for at in answers:
            if at.error is not None or at.offset < 0:
                wrong = at.error or KafkaError(KafkaError.UNKNOWN)
                return {}, wrong, f"the place of {at.topic}/{at.partition}: {at.error or at.offset}"
        return {(answer.topic, answer.partition): answer.offset for answer in answers}, None, ""

    def _fetched(self, listed: Mapping[Source, int], deadline: float) -> dict[Source, int]:
        ends: dict[Source, int] = {}
        self._consumer.assign(
            [TopicPartition(*source, offset) for source, offset in listed.items()]
        )
        try:
            while missing := listed.keys() - ends.keys():
                if time.monotonic() > deadline:
                    raise KafkaUnreachableError(
                        f"{self._bootstrap} did not tell in time where these end: "
                        f"{', '.join(f'{topic}/{partition}' for topic, partition in missing)}"
                    )
                self._note_ends(ends)
        finally:
            self._consumer.unassign()
        return ends

    def _note_ends(self, ends: dict[Source, int]) -> None:
        for message in self._consumer.consume(1_000, timeout=0.005):
            error = message.error()
            if error is not None and error.code() == _PARTITION_EOF:
                ends[str(message.topic()), int(message.partition() or 0)] = int(
                    message.offset() or 0
                )
