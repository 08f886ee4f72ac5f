"""From a closed batch of messages to rows for its table and dead letters for the rest; pure."""

from collections.abc import Callable, Iterable

import numpy as np
import pyarrow as pa

from consumers.clickhouse.columns import Origin, TableMapping
from consumers.clickhouse.forgetting import forget
from consumers.clickhouse.lanes import Closed
from consumers.clickhouse.prepared import Prepared
from infra.kafka.dead_letters import refused
from schemas.columns import ColumnDecoder
from schemas.erasures import ErasureBook
from schemas.registry import Registry
from schemas.topics import Cleanup, TopicSpec
from schemas.validation import validate


class Preparation:
    """Decodes, validates and maps batches of the topics it was made for.

    Args:
        registry: Where schemas come from.
        topics: Topics that will come.
        erasures: Tells which devices are erased by now.
    """

    def __init__(
        self,
        registry: Registry,
        topics: Iterable[TopicSpec],
        erasures: Callable[[], ErasureBook] = ErasureBook,
    ) -> None:
        self._erasures = erasures
        self._decoder = ColumnDecoder(registry)
        self._compacted = {spec.name: spec.cleanup is Cleanup.COMPACT for spec in topics}
        self.mappings = {
            name: TableMapping(name, registry.schema(registry.schema_id(name)))
            for name in self._compacted
        }

    def prepare(self, topic: str, partition: int, topic_id: str, closed: Closed) -> Prepared:
        """The same messages give the same rows and letters, byte for byte, but for new erasures."""
        messages = closed.messages
        if self._compacted[topic]:
            records = [value is not None for value in messages.values]
            messages = messages.take(np.flatnonzero(records))
        decoded = self._decoder.decode(topic, messages.values)
        readable = decoded.positions
        broken = validate(topic, decoded.rows, messages.stamps_us[readable])
        letters = [
            *(refused(messages[r.position], topic_id, r.error) for r in decoded.refusals),
            *(refused(messages[readable[r.position]], topic_id, r.error) for r in broken),
        ]
        rows, kept = decoded.rows, messages
        if letters:
            keep = np.setdiff1d(np.arange(len(readable)), [refusal.position for refusal in broken])
            rows, kept = rows.take(pa.array(keep)), messages.take(readable[keep])
        origin = Origin(
            topic_id=topic_id,
            partition=partition,
            offsets=kept.offsets,
            stamps_us=kept.stamps_us,
        )
        prepared = Prepared(
            self.mappings[topic].rows(rows, origin),
            kept,
            tuple(sorted(letters, key=lambda letter: letter.offset)),
            len(closed.messages) - len(messages),
        )
        return forget(topic, prepared, self._erasures())
