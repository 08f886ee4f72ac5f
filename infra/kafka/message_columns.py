"""Messages of one partition in columns: what is asked of all of them is not asked one by one."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final, Self, TypeAlias, cast, overload

import numpy as np
import numpy.typing as npt
from confluent_kafka import Message

from infra.kafka.messages import Headers, RawMessage

# What a message costs beside key and value: their two objects, and its places in the columns.
OVERHEAD_BYTES: Final = 160

Integers: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class MessageColumns(Sequence[RawMessage]):
    """A sequence of messages in log order; one by one they are made only when asked for.

    Attributes:
        topic: Topic of all of them.
        partition: Partition of all of them.
        offsets: Where each stands.
        stamps_us: The broker's stamps in UTC microseconds.
        sizes: Bytes each is counted with while it waits in memory.
        keys: Keys.
        values: Bodies; None is a deletion mark.
        headers: What travels beside them.
    """

    topic: str
    partition: int
    offsets: Integers
    stamps_us: Integers
    sizes: Integers
    keys: Sequence[bytes | None]
    values: Sequence[bytes | None]
    headers: Sequence[Headers]

    @classmethod
    def of(cls, messages: Sequence[RawMessage]) -> Self:
        """Columns of messages read before."""
        return cls(
            messages[0].topic if messages else "",
            messages[0].partition if messages else 0,
            _integers([message.offset for message in messages]),
            _integers([message.stamp_us for message in messages]),
            _integers(list(map(size, messages))),
            [message.key for message in messages],
            [message.value for message in messages],
            [message.headers for message in messages],
        )

    @classmethod
    def read(cls, messages: Sequence[Message]) -> Self:
        """Columns of what the client gave out, without errors among it.

        Nothing of the client's objects is kept: they are large, and many that live long cost the
        garbage collector more than reading them costs.
        """
        keys = list(map(Message.key, messages))
        values = list(map(Message.value, messages))
        headers: list[Any] = list(map(Message.headers, messages))
        return cls(
            str(messages[0].topic()) if messages else "",
            messages[0].partition() or 0 if messages else 0,
            _integers(list(map(Message.offset, messages))),
            _integers([stamp_ms for _, stamp_ms in map(Message.timestamp, messages)]) * 1_000,
            _lengths(keys) + _lengths(values) + OVERHEAD_BYTES,
            keys,
            values,
            [tuple(each) if each else () for each in headers],
        )

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """One after the other; there must be one at least."""
        if len(parts) == 1:
            return parts[0]
        return cls(
            parts[0].topic,
            parts[0].partition,
            np.concatenate([part.offsets for part in parts]),
            np.concatenate([part.stamps_us for part in parts]),
            np.concatenate([part.sizes for part in parts]),
            list(chain.from_iterable(part.keys for part in parts)),
            list(chain.from_iterable(part.values for part in parts)),
            list(chain.from_iterable(part.headers for part in parts)),
        )

    @property
    def bytes(self) -> int:
        """Sum of the sizes."""
        return int(self.sizes.sum())

    def take(self, places: npt.NDArray[np.integer[Any]]) -> Self:
        """Those at the places."""
        chosen = places.tolist()
        return type(self)(
            self.topic,
            self.partition,
            self.offsets[places],
            self.stamps_us[places],
            self.sizes[places],
            [self.keys[place] for place in chosen],
            [self.values[place] for place in chosen],
            [self.headers[place] for place in chosen],
        )

    def __len__(self) -> int:
        return len(self.offsets)

    @overload
    def __getitem__(self, at: int) -> RawMessage: ...
    @overload
    def __getitem__(self, at: slice) -> Self: ...
    def __getitem__(self, at: int | slice) -> RawMessage | Self:
        if isinstance(at, slice):
            return type(self)(
                self.topic,
                self.partition,
                self.offsets[at],
                self.stamps_us[at],
                self.sizes[at],
                self.keys[at],
                self.values[at],
                self.headers[at],
            )
        return RawMessage(
            self.topic,
            self.partition,
            int(self.offsets[at]),
            int(self.stamps_us[at]),
            self.keys[at],
            self.values[at],
            self.headers[at],
        )


def size(message: RawMessage) -> int:
    """Bytes a message is counted with while it waits in memory."""
    return len(message.value or b"") + len(message.key or b"") + OVERHEAD_BYTES


def _integers(numbers: Sequence[int | None]) -> Integers:
    return np.array(numbers, np.int64)


def _lengths(texts: Sequence[bytes | None]) -> Integers:
    try:
        return np.fromiter(map(len, cast("Sequence[bytes]", texts)), np.int64, len(texts))
    except TypeError:  # a deletion mark, or a record without a key
        return _integers([len(text or b"") for text in texts])
