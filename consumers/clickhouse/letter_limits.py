"""How many records of a partition may be dead letters before the sink stops; pure.

A few bad records are letters. When nearly all are bad, the producer or this program is at fault:
a sink that goes on would turn a whole topic into letters.
"""

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from consumers.clickhouse.lanes import Closed

# Records of a partition over which the share is taken; below that only the run counts.
WINDOW_RECORDS: Final = 5_000


class TooManyLettersError(RuntimeError):
    """A partition has more bad records than its limits; nothing of the batch was published."""


@dataclass(frozen=True, slots=True)
class LetterRule:
    """The limits of one partition.

    Attributes:
        run: Bad records one after another.
        share: Bad records among the last `WINDOW_RECORDS`, in (0, 1].
    """

    run: int
    share: float


class LetterLimits:
    """What was seen of one partition since this process took it; batches come in log order.

    Args:
        where: Topic and partition, for messages.
        rule: Its limits.
    """

    def __init__(self, where: str, rule: LetterRule) -> None:
        self._where = where
        self._rule = rule
        self._run = 0
        self._batches: deque[tuple[int, int]] = deque()  # records and letters

    def judge(self, closed: Closed, bad: Collection[int], reason: str) -> None:
        """Take note of a batch.

        Args:
            closed: The batch.
            bad: Offsets of its letters.
            reason: Why the last of them is one.

        Raises:
            TooManyLettersError: A limit is passed; the message names it and the offset.
        """
        for offset in closed.messages.offsets.tolist() if bad else ():
            self._run = self._run + 1 if offset in bad else 0
            if self._run > self._rule.run:
                raise TooManyLettersError(
                    f"{self._where}: the {self._run} records up to offset {offset} are all "
                    f"bad (limit FLEETLOOP_SINK__MAX_LETTER_RUN={self._rule.run}), the last of the "
                    f"batch: {reason}. {_REMEDY}"
                )
        if not bad:
            self._run = 0
        self._judge_share(len(closed.messages), len(bad), closed.range.last, reason)

    def _judge_share(self, records: int, letters: int, last: int, reason: str) -> None:
        self._batches.append((records, letters))
        seen = sum(count for count, _ in self._batches)
        while seen - self._batches[0][0] >= WINDOW_RECORDS:
            seen -= self._batches.popleft()[0]
        share = sum(count for _, count in self._batches) / max(seen, 1)
        if seen >= WINDOW_RECORDS and share > self._rule.share:
            raise TooManyLettersError(
                f"{self._where}: {share:.0%} of the {seen} records up to offset {last} are bad "
                f"(limit FLEETLOOP_SINK__MAX_LETTER_SHARE={self._rule.share:g}), the last: "
                f"{reason}. {_REMEDY}"
            )


_REMEDY: Final = (
    "Correct the producer or this program; to have them as dead letters raise the limit for one run"
)
