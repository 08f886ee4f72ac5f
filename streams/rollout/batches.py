"""Records as the batches that folds take: for replays, simulations and tests."""

from collections.abc import Sequence

import numpy as np

from schemas.codec import Codec
from schemas.columns import ColumnDecoder
from schemas.facts import Fact
from schemas.registry import FileRegistry
from streams.processor import LogBatch


class Batches:
    """Makes what the runtime hands to a fold out of records.

    Attributes:
        codec: Of the schemas that come with the project.
    """

    def __init__(self) -> None:
        registry = FileRegistry()
        self.codec = Codec(registry)
        self._decoder = ColumnDecoder(registry)

    def of(self, facts: Sequence[Fact], high_us: int = 0) -> LogBatch:
        """A stretch of one partition.

        Args:
            facts: At least one, in log order.
            high_us: Highest stamp of the partition before them.
        """
        topic, last = facts[0].topic, facts[-1]
        columns = self._decoder.decode(
            topic, [self.codec.encode(topic, fact.record) for fact in facts]
        )
        if columns.refusals:
            raise columns.refusals[0].error
        stamps = np.array([fact.stamp_us for fact in facts], dtype=np.int64)
        return LogBatch(
            topic=topic,
            partition=last.partition,
            rows=columns.rows,
            offsets=np.array([fact.offset for fact in facts], dtype=np.int64),
            stamps_us=stamps,
            last_offset=last.offset,
            high_stamp_us=max(high_us, int(stamps.max())),
        )
