"""Messages of one partition in columns: what is asked of all of them is not asked one by one."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final, Self, TypeAlias, overload

import numpy as np
import numpy.typing as npt
from confluent_kafka import Message

from infra.kafka.messages import RawMessage

# What a message costs beside key and value: the Python object, its stamp, offset and header list.
OVERHEAD_BYTES: Final = 400

Integers: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class MessageColumns(Sequence[RawMessage]):
    """A sequence of messages in log order; one by one they are made only when asked for.

    Attributes:
        offsets: Where each stands.
        stamps_us: The broker's stamps in UTC microseconds.
        sizes: Bytes each is counted with while it waits in memory.
        values: Bodies; None is a deletion mark.
        origins: What each is made from.
    """

    offsets: Integers
    stamps_us: Integers
    sizes: Integers
    values: Sequence[bytes | None]
    origins: Sequence[RawMessage | Message]

    @classmethod
    def of(cls, messages: Sequence[RawMessage]) -> Self:
        """Columns of messages read before."""
        return cls(
            _integers([message.offset for message in messages]),
            _integers([message.stamp_us for message in messages]),
            _integers(list(map(size, messages))),
            [message.value for message in messages],
            messages,
        )

    @classmethod
    def read(cls, messages: Sequence[Message]) -> Self:
        """Columns of what the client gave out, without errors among it."""
        values = [message.value() for message in messages]
        keys = [message.key() for message in messages]
        return cls(
            _integers([message.offset() for message in messages]),
            _integers([message.timestamp()[1] for message in messages]) * 1_000,
            _integers([len(key or b"") for key in keys])
            + _integers([len(value or b"") for value in values])
            + OVERHEAD_BYTES,
            values,
            messages,
        )

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """One after the other; there must be one at least."""
        if len(parts) == 1:
            return parts[0]
        return cls(
            np.concatenate([part.offsets for part in parts]),
            np.concatenate([part.stamps_us for part in parts]),
            np.concatenate([part.sizes for part in parts]),
            list(chain.from_iterable(part.values for part in parts)),
            list(chain.from_iterable(part.origins for part in parts)),
        )

    @property
    def bytes(self) -> int:
        """Sum of the sizes."""
        return int(self.sizes.sum())

    def take(self, places: npt.NDArray[np.integer[Any]]) -> Self:
        """Those at the places."""
        chosen = places.tolist()
        return type(self)(
            self.offsets[places],
            self.stamps_us[places],
            self.sizes[places],
            [self.values[place] for place in chosen],
            [self.origins[place] for place in chosen],
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
                self.offsets[at],
                self.stamps_us[at],
                self.sizes[at],
                self.values[at],
                self.origins[at],
            )
        origin = self.origins[at]
        return origin if isinstance(origin, RawMessage) else RawMessage.of(origin)


def size(message: RawMessage) -> int:
    """Bytes a message is counted with while it waits in memory."""
    return len(message.value or b"") + len(message.key or b"") + OVERHEAD_BYTES


def _integers(numbers: Sequence[int | None]) -> Integers:
    return np.array(numbers, np.int64)
