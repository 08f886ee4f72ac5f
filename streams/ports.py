"""What a runner asks of the outside."""

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from schemas.topics import TopicSpec
from streams.processor import Fact, Source


class Ends(Protocol):
    """Where logs begin and end; `infra.kafka.ends.LogEnds`."""

    def ask(self, sources: Collection[Source], timeout_s: float = 10.0) -> Mapping[Source, int]:
        """End offsets, none older than the call."""

    def ask_begin(
        self, sources: Collection[Source], timeout_s: float = 10.0
    ) -> Mapping[Source, int]:
        """First offsets still held."""


class Following(Protocol):
    """Reads followed topics whole; `infra.kafka.follower.Follower`."""

    def poll(self, timeout_s: float = 0.0) -> list[Fact]:
        """What has arrived."""

    def catch_up(self, timeout_s: float = 10.0) -> list[Fact]:
        """Everything up to where the logs end now."""


class Publishing(Protocol):
    """Writes records; `infra.kafka.publisher.Publisher`."""

    def publish(self, topic: TopicSpec, record: Any, *, partition: int | None = None) -> None:
        """Queue a record."""

    def flush(self, timeout_s: float = 30.0) -> None:
        """Wait until all queued records are acknowledged."""
