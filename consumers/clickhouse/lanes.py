"""One partition's way through the sink: collect, close a range, write it, go on; pure, no clock."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from consumers.clickhouse.ledger import Entry, LedgerError, Pending
from consumers.clickhouse.ranges import Place, Range
from infra.kafka.messages import RawMessage

# What a message costs beside its value: the Python object, its stamp, offset and header list.
MESSAGE_OVERHEAD_BYTES: Final = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseRule:
    """When collected messages become a batch: whichever comes first.

    Attributes:
        rows: Messages in a batch at most.
        bytes: Bytes in a batch at most, as `size` counts them; one message may be larger.
        age_s: Seconds the oldest one waits at most.
    """

    rows: int
    bytes: int
    age_s: float


@dataclass(frozen=True, slots=True)
class Closed:
    """A batch with fixed ends; replayed, it has the same messages under the same range."""

    range: Range
    messages: tuple[RawMessage, ...]


class Lane:
    """Messages of one partition, in order, one closed batch at a time.

    Args:
        where: Topic and partition, for messages.
        entry: The ledger's line to go on from.
        rule: When to close.
        fresh: Nothing was ever committed: the log may begin anywhere.
        sparse: A pending range may have lost records by right (the topic is compacted).
        accept_gaps: Offsets may be missing because an operator said so.
    """

    def __init__(
        self,
        where: str,
        entry: Entry,
        rule: CloseRule,
        *,
        fresh: bool = False,
        sparse: bool = False,
        accept_gaps: bool = False,
    ) -> None:
        self.where = where
        self.topic_id = entry.topic_id
        self.position = entry.position
        self.closed: Closed | None = None
        self.bytes = 0
        self._rule = rule
        self._pending = entry.pending
        self._next: int | None = None if fresh else entry.position
        self._sparse = sparse or accept_gaps
        self._waiting: deque[RawMessage] = deque()
        self._since_s = 0.0

    @property
    def since_s(self) -> float:
        """When the oldest waiting message came, in the seconds that `take` was told."""
        return self._since_s

    @property
    def replaying(self) -> Pending | None:
        """The range that must be inserted again before anything else, if there is one."""
        return self._pending

    def hole(self, messages: Sequence[RawMessage]) -> Range | None:
        """The first offsets that messages to be taken leave out.

        Compaction and transactions leave some out by right; what retention took is lost.
        """
        expected = self._next
        for message in messages:
            if expected is not None and message.offset > expected:
                return Range(expected, message.offset - 1)
            expected = max(message.offset + 1, expected or 0)
        return None

    def take(self, messages: Sequence[RawMessage], now_s: float) -> None:
        """Collect messages; those before the expected offset were taken before."""
        if not self._waiting:
            self._since_s = now_s
        for message in messages:
            if self._next is not None and message.offset < self._next:
                continue
            self._waiting.append(message)
            self.bytes += size(message)
            self._next = message.offset + 1

    def due(self, now_s: float) -> bool:
        """Whether a batch should be closed now; never while one is being written."""
        if self.closed is not None or not self._waiting:
            return False
        if self._pending is not None:
            return self._pending.range.place(self._waiting[-1].offset) in {Place.LAST, Place.AFTER}
        return (
            len(self._waiting) >= self._rule.rows
            or self.bytes >= self._rule.bytes
            or now_s - self._since_s >= self._rule.age_s
        )

    def close(self, now_s: float) -> Closed:
        """Fix the ends of the next batch: the pending range, or up to the rule's limits.

        Raises:
            LedgerError: A pending range has other messages than it had.
        """
        if self._pending is not None:
            self.closed = Closed(self._pending.range, self._cut_pending(self._pending))
        else:
            messages = self._cut_by_rule()
            self.closed = Closed(Range(messages[0].offset, messages[-1].offset), messages)
        self._since_s = now_s
        return self.closed

    def written(self) -> None:
        """The closed batch is stored: go on behind it."""
        if self.closed is None:
            raise LedgerError(f"{self.where}: nothing was being written")
        self.position = self.closed.range.last + 1
        self.bytes -= sum(map(size, self.closed.messages))
        self.closed = None
        self._pending = None

    def begin(self, block: int) -> Entry:
        """The ledger's line that makes the closed batch pending; asked again, the same line.

        Args:
            block: Newest block of the table now; a range begun before keeps its own.

        Raises:
            LedgerError: Nothing is closed.
        """
        if self.closed is None:
            raise LedgerError(f"{self.where}: no batch is closed")
        if self._pending is None:
            self._pending = Pending(self.closed.range, len(self.closed.messages), block)
        return Entry(self.topic_id, self.closed.range.first, self._pending)

    def passed(self) -> Entry:
        """The ledger's line that says all before `position` is stored."""
        return Entry(self.topic_id, self.position)

    def _cut_pending(self, pending: Pending) -> tuple[RawMessage, ...]:
        found: list[RawMessage] = []
        while self._waiting and pending.range.place(self._waiting[0].offset) is not Place.AFTER:
            found.append(self._waiting.popleft())
        if len(found) != pending.records and not self._sparse:
            raise LedgerError(
                f"{self.where}: range {pending.range} had {pending.records} records when it was "
                f"begun, the log now gives {len(found)}: retention took some before they were "
                "known to be stored. Compare the table, then set FLEETLOOP_SINK__ACCEPT_GAPS=true"
            )
        return tuple(found)

    def _cut_by_rule(self) -> tuple[RawMessage, ...]:
        found: list[RawMessage] = []
        room = self._rule.bytes
        while self._waiting and len(found) < self._rule.rows:
            room -= size(self._waiting[0])
            if found and room < 0:
                break
            found.append(self._waiting.popleft())
        return tuple(found)


def gone(where: str, first: int, last: int) -> LedgerError:
    """The error of offsets that the log no longer has."""
    return LedgerError(
        f"{where}: offsets {first}-{last} are missing: retention took them before they were "
        "stored. To go on without them set FLEETLOOP_SINK__ACCEPT_GAPS=true"
    )


def size(message: RawMessage) -> int:
    """Bytes a waiting message is counted with."""
    return len(message.value or b"") + len(message.key or b"") + MESSAGE_OVERHEAD_BYTES
