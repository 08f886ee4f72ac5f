"""Which consumer groups are behind: what was written a while ago is still not committed. Pure."""

from collections import Counter, deque
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from schemas.records import SloPartial
from streams.watch import cells

Offsets: TypeAlias = Mapping[tuple[str, int], int]


class Lagging:
    """Remembers where logs ended, so that lag is told in time and not in records.

    Args:
        behind_us: How long a record may wait for its group.
    """

    def __init__(self, behind_us: int) -> None:
        self._behind_us = behind_us
        self._ends: deque[tuple[int, Offsets]] = deque()

    def note(self, now_us: int, ends: Offsets) -> None:
        """Take note of where the logs end now."""
        self._ends.append((now_us, dict(ends)))
        while len(self._ends) > 1 and self._ends[1][0] <= now_us - self._behind_us:
            self._ends.popleft()

    def rows(self, now_us: int, group: str, committed: Offsets) -> Iterator[SloPartial]:
        """One record for each topic that the group reads; none until enough is remembered.

        Args:
            now_us: Begin of the round, UTC microseconds.
            group: Consumer group.
            committed: Next offset of each partition that it ever committed.
        """
        if not self._ends or self._ends[0][0] > now_us - self._behind_us:
            return
        then = self._ends[0][1]
        partitions = Counter(topic for topic, _ in committed)
        behind = Counter(
            at[0] for at, offset in committed.items() if at in then and offset < then[at]
        )
        for topic, count in sorted(partitions.items()):
            yield cells.lag(group, topic, now_us, count, behind[topic])
