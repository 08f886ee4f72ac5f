"""One partition's way through the sink: collect, close a range, write it, go on; pure, no clock."""

from dataclasses import dataclass

import numpy as np

from consumers.clickhouse.ledger import Entry, LedgerError, Pending
from consumers.clickhouse.ranges import Range
from infra.kafka.message_columns import Integers, MessageColumns


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseRule:
    """When collected messages become a batch: whichever comes first.

    Attributes:
        rows: Messages in a batch at most.
        bytes: Bytes in a batch at most, as messages count them; one message may be larger.
        age_s: Seconds the oldest one waits at most.
    """

    rows: int
    bytes: int
    age_s: float


@dataclass(frozen=True, slots=True)
class Closed:
    """A batch with fixed ends; replayed, it has the same messages under the same range."""

    range: Range
    messages: MessageColumns

    @classmethod
    def of(cls, messages: MessageColumns) -> "Closed":
        """From the first to the last of them; there must be one at least."""
        return cls(Range(int(messages.offsets[0]), int(messages.offsets[-1])), messages)


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
        self._waiting: list[MessageColumns] = []
        self._since_s = 0.0

    @property
    def since_s(self) -> float:
        """When the oldest waiting message came, in the seconds that `take` was told."""
        return self._since_s

    @property
    def replaying(self) -> Pending | None:
        """The range that must be inserted again before anything else, if there is one."""
        return self._pending

    def hole(self, messages: MessageColumns) -> Range | None:
        """The first offsets that messages to be taken leave out.

        Compaction and transactions leave some out by right; what retention took is lost.
        """
        if self._follow_on(messages):
            return None
        expected = self._expected(messages.offsets)
        late = np.flatnonzero(messages.offsets > expected)
        if not len(late):
            return None
        return Range(int(expected[late[0]]), int(messages.offsets[late[0]]) - 1)

    def take(self, messages: MessageColumns, now_s: float) -> None:
        """Collect messages; those before the expected offset were taken before."""
        if not self._waiting:
            self._since_s = now_s
        taken = messages
        if not self._follow_on(messages):
            new = np.flatnonzero(messages.offsets >= self._expected(messages.offsets))
            if not len(new):
                return
            taken = messages.take(new)
        self._waiting.append(taken)
        self.bytes += taken.bytes
        self._next = int(taken.offsets[-1]) + 1

    def due(self, now_s: float) -> bool:
        """Whether a batch should be closed now; never while one is being written."""
        if self.closed is not None or not self._waiting:
            return False
        if self._pending is not None:
            return int(self._waiting[-1].offsets[-1]) >= self._pending.range.last
        return (
            sum(map(len, self._waiting)) >= self._rule.rows
            or self.bytes >= self._rule.bytes
            or now_s - self._since_s >= self._rule.age_s
        )

    def close(self, now_s: float) -> Closed:
        """Fix the ends of the next batch: the pending range, or up to the rule's limits.

        Raises:
            LedgerError: A pending range has other messages than it had.
        """
        waiting = MessageColumns.joined(self._waiting)
        pending = self._pending
        if pending is None:
            messages = waiting[: self._fitting(waiting)]
            self.closed = Closed.of(messages)
        else:
            messages = waiting[: np.searchsorted(waiting.offsets, pending.range.last, "right")]
            self._check_pending(pending, len(messages))
            self.closed = Closed(pending.range, messages)
        rest = waiting[len(messages) :]
        self._waiting = [rest] if rest else []
        self._since_s = now_s
        return self.closed

    def written(self) -> None:
        """The closed batch is stored: go on behind it."""
        if self.closed is None:
            raise LedgerError(f"{self.where}: nothing was being written")
        self.position = self.closed.range.last + 1
        self.bytes -= self.closed.messages.bytes
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

    def _check_pending(self, pending: Pending, found: int) -> None:
        if found != pending.records and not self._sparse:
            raise LedgerError(
                f"{self.where}: range {pending.range} had {pending.records} records when it was "
                f"begun, the log now gives {found}: retention took some before they were "
                "known to be stored. Compare the table, then set FLEETLOOP_SINK__ACCEPT_GAPS=true"
            )

    def _fitting(self, waiting: MessageColumns) -> int:
        """How many fit into a batch; the first one always does."""
        fit = int(np.searchsorted(np.cumsum(waiting.sizes), self._rule.bytes, "right"))
        return max(1, min(fit, self._rule.rows))

    def _follow_on(self, messages: MessageColumns) -> bool:
        """Whether they are the next ones, without a hole, as nearly always; offsets rise."""
        if not messages:
            return False
        first, last = int(messages.offsets[0]), int(messages.offsets[-1])
        return first == self._next and last - first + 1 == len(messages)

    def _expected(self, offsets: Integers) -> Integers:
        """Where each of a batch's messages should stand; what lies before it was taken before."""
        first = offsets[0] if self._next is None else self._next
        expected: Integers = np.maximum.accumulate(np.append(first, offsets[:-1] + 1))
        return expected


def gone(where: str, first: int, last: int) -> LedgerError:
    """The error of offsets that the log no longer has."""
    return LedgerError(
        f"{where}: offsets {first}-{last} are missing: retention took them before they were "
        "stored. To go on without them set FLEETLOOP_SINK__ACCEPT_GAPS=true"
    )
