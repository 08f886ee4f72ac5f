"""The sink's ledger: what a committed offset and its metadata say about one partition; pure."""

import json
from dataclasses import dataclass
from typing import Any, Final

from consumers.clickhouse.ranges import Range

VERSION: Final = 1


class LedgerError(RuntimeError):
    """The ledger and the log disagree; going on would lose or double rows."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A range whose insert was begun and not yet seen done.

    Attributes:
        records: Messages the range had; fewer on replay means that the log lost some.
        block: Newest block of the table when the range was closed, for the deduplication window.
    """

    range: Range
    records: int
    block: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One partition's ledger line.

    Attributes:
        topic_id: Identity of the log the offsets belong to.
        position: Offset to go on at; the first of `pending` when there is one.
        pending: What must be read and inserted again, exactly.
    """

    topic_id: str
    position: int
    pending: Pending | None = None

    def metadata(self) -> str:
        """What is committed beside `position` (Kafka keeps 4,096 bytes by default)."""
        body: dict[str, Any] = {"v": VERSION, "topic": self.topic_id}
        if self.pending is not None:
            body |= {
                "hi": self.pending.range.last,
                "n": self.pending.records,
                "block": self.pending.block,
            }
        return json.dumps(body, separators=(",", ":"))


def read_entry(topic_id: str, position: int, metadata: str | None, *, where: str) -> Entry:
    """The ledger line of a committed offset; without metadata it is a plain position.

    Args:
        topic_id: Identity of the topic now, for a line that names none.
        position: Committed offset.
        metadata: Text committed with it.
        where: Group, topic and partition, for messages.

    Raises:
        LedgerError: The text is not this ledger's.
    """
    if not metadata:
        return Entry(topic_id, position)
    try:
        body = json.loads(metadata)
        if body["v"] != VERSION:
            raise ValueError(f"version {body['v']} is not {VERSION}")  # noqa: TRY301 - one message for all of it
        pending = None
        if "hi" in body:
            pending = Pending(Range(position, int(body["hi"])), int(body["n"]), int(body["block"]))
        return Entry(str(body["topic"]), position, pending)
    except (ValueError, TypeError, KeyError) as error:
        raise LedgerError(
            f"{where}: committed offset {position} has metadata {metadata!r}, which is not this "
            f"sink's ledger ({error}); use a group of its own"
        ) from error


def agree(entry: Entry, topic_id: str, *, adopt: bool, where: str) -> Entry:
    """The line to obey for the topic as it is now.

    Raises:
        LedgerError: The line was written for another topic of the same name, and `adopt` is off.
    """
    if entry.topic_id == topic_id:
        return entry
    if adopt:
        return Entry(topic_id, 0)
    raise LedgerError(
        f"{where}: the ledger is of topic id {entry.topic_id}, the topic's id is {topic_id}: it "
        "was deleted and made again. To start at its beginning set FLEETLOOP_ADOPT_NEW_TOPIC=true"
    )


def token(topic_id: str, partition: int, offsets: Range, table: str) -> str:
    """Deduplication token of one insert; the same range of the same log is the same token."""
    return f"{topic_id}/{partition}/{offsets}/{table}"
