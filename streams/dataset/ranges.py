"""Which part of the log a question or a cut covers: it starts where the one before ended."""

from collections.abc import Mapping, Sequence

from schemas.records import OffsetRange


def following(
    topic: str, topic_id: str, ends: Mapping[int, int], before: Sequence[OffsetRange]
) -> tuple[OffsetRange, ...]:
    """The ranges from the end of `before` to `ends` (end offset = last + 1) by partition.

    Raises:
        ValueError: `before` speaks of another topic of the same name, or reaches beyond the end.
    """
    done = {r.partition: r for r in before if r.topic == topic}
    spans = []
    for partition, end in sorted(ends.items()):
        earlier = done.get(partition)
        if earlier is not None and earlier.topic_id != topic_id:
            raise ValueError(
                f"topic {topic} is {topic_id}, the last cut read {earlier.topic_id}: the topic "
                "was made anew; begin a new line"
            )
        first = 0 if earlier is None else earlier.last_offset + 1
        if first > end:
            raise ValueError(
                f"{topic}/{partition} ends at {end}, before the last cut's end {first}: "
                "the log was truncated; begin a new line"
            )
        spans.append(
            OffsetRange(
                topic=topic,
                topic_id=topic_id,
                partition=partition,
                first_offset=first,
                last_offset=end - 1,
            )
        )
    return tuple(spans)


def waiting(ranges: Sequence[OffsetRange]) -> int:
    """Records in the ranges."""
    return sum(r.last_offset - r.first_offset + 1 for r in ranges)
