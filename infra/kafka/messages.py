"""A record as it stands on the log, undecoded, with the headers that travel with it."""

from typing import Any, NamedTuple, TypeAlias

Headers: TypeAlias = tuple[tuple[str, bytes | None], ...]


class RawMessage(NamedTuple):
    """One record of a partition; `stamp_us` is the broker's stamp in microseconds."""

    topic: str
    partition: int
    offset: int
    stamp_us: int
    key: bytes | None
    value: bytes | None
    headers: Headers

    @classmethod
    def of(cls, message: Any) -> "RawMessage":
        """Take what confluent_kafka read out of its object."""
        return cls(
            message.topic(),
            message.partition(),
            message.offset(),
            message.timestamp()[1] * 1_000,
            message.key(),
            message.value(),
            tuple(message.headers() or ()),
        )
