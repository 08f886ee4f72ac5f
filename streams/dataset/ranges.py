"""Which part of the log a question or a cut covers: it starts where the one before ended."""

from collections.abc import Sequence
from dataclasses import replace

from schemas.records import OffsetRange


def following(
    held: Sequence[OffsetRange], before: Sequence[OffsetRange]
) -> tuple[OffsetRange, ...]:
    """What the log holds beyond `before`, one range for each partition, empty ones included.

    What retention took before anybody asked about it is left out: the range then begins later
    than the one before ended.

    Args:
        held: All that the log holds of one topic.
        before: What the line has read, of any topics.

    Raises:
        ValueError: `before` speaks of another log of the same name, or reaches beyond the end.
    """
    done = {(r.topic, r.partition): r for r in before}
    return tuple(_beyond(span, done.get((span.topic, span.partition))) for span in held)


def _beyond(held: OffsetRange, earlier: OffsetRange | None) -> OffsetRange:
    if earlier is None:
        return held
    if earlier.topic_id != held.topic_id:
        raise ValueError(
            f"topic {held.topic} is {held.topic_id}, the last cut read {earlier.topic_id}: the "
            "topic was made anew; begin a new line"
        )
    if earlier.last_offset > held.last_offset:
        raise ValueError(
            f"{held.topic}/{held.partition} ends at {held.last_offset + 1}, before the last cut's "
            f"end {earlier.last_offset + 1}: the log was truncated; begin a new line"
        )
    return replace(held, first_offset=max(held.first_offset, earlier.last_offset + 1))


def waiting(ranges: Sequence[OffsetRange]) -> int:
    """Records in the ranges."""
    return sum(r.last_offset - r.first_offset + 1 for r in ranges)


def within(ranges: Sequence[OffsetRange], topic: str) -> Sequence[OffsetRange]:
    """The non-empty ranges of one topic."""
    return [r for r in ranges if r.topic == topic and r.last_offset >= r.first_offset]
