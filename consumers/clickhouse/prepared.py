"""What a closed batch becomes: rows, dead letters, and places of what is not kept."""

from dataclasses import dataclass

import pyarrow as pa

from infra.kafka.messages import RawMessage
from schemas.erasures import Erased
from schemas.records import DeadLetter


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
    messages: tuple[RawMessage, ...]
    letters: tuple[DeadLetter, ...]
    tombstones: int
    erased: tuple[ErasedPlace, ...] = ()

    def slice(self, first: int, last: int | None = None) -> "Prepared":
        """Some of the rows, without letters."""
        messages = self.messages[first:last]
        return Prepared(self.rows.slice(first, len(messages)), messages, (), 0)
