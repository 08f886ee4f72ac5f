"""What a closed batch becomes: rows, dead letters, and places of what is not kept."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from consumers.clickhouse.ranges import Range
from infra.kafka.message_columns import Integers, MessageColumns
from schemas.erasures import Erased
from schemas.records import DeadLetter

_DAY_US: Final = 86_400_000_000


@dataclass(frozen=True, slots=True)
class ErasedPlace:
    """An offset of the batch whose record is neither row nor letter: its device was erased."""

    offset: int
    erasure: Erased


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a batch becomes; messages = rows + letters + tombstones + erased.

    Attributes:
        rows: Rows of the table, in log order.
        messages: The message of each row.
        letters: One for each message that cannot be a row.
        tombstones: Deletion marks of a compacted topic: neither row nor letter.
        erased: Records of erased devices, in log order.
    """

    rows: pa.RecordBatch
    messages: MessageColumns
    letters: tuple[DeadLetter, ...]
    tombstones: int
    erased: tuple[ErasedPlace, ...] = ()

    def slice(self, first: int, last: int | None = None) -> "Prepared":
        """Some of the rows, without letters."""
        messages = self.messages[first:last]
        return Prepared(self.rows.slice(first, len(messages)), messages, (), 0)

    def offsets(self) -> Range:
        """From the first to the last row's offset; there must be rows."""
        return Range(int(self.messages.offsets[0]), int(self.messages.offsets[-1]))

    def stamps_us(self) -> tuple[int, int]:
        """Smallest and largest ingest time of the rows in UTC microseconds; there must be rows."""
        stamps = self.messages.stamps_us
        return int(stamps.min()), int(stamps.max())

    def by_day(self) -> "list[Prepared]":
        """The rows by UTC day of ingest, the day with the lowest last offset first; no letters."""
        if not self.messages:
            return []
        first, last = self.stamps_us()
        if first // _DAY_US == last // _DAY_US:
            return [self]
        days = self.messages.stamps_us // _DAY_US
        places = [np.flatnonzero(days == day) for day in np.unique(days)]
        return [self._take(at) for at in sorted(places, key=lambda at: int(at[-1]))]

    def _take(self, at: Integers) -> "Prepared":
        return Prepared(self.rows.take(pa.array(at)), self.messages.take(at), (), 0)
