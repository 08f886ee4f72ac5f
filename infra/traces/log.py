"""Records of topics from Kafka."""

from collections.abc import Iterator, Mapping, Sequence

from infra.kafka.ranges import RangeReader
from infra.settings import Settings
from schemas.codec import Codec
from schemas.errors import RecordError
from schemas.facts import Fact
from schemas.records import OffsetRange
from schemas.registry import registry_from
from schemas.topics import TopicSpec


class LogStore:
    """The log as far as the broker holds it; what is written after a topic's first use is left out.

    Attributes:
        unreadable: Records passed over because they cannot be decoded; the sink dead-letters them.
    """

    def __init__(self, settings: Settings) -> None:
        self._reader = RangeReader(settings.kafka)
        self._codec = Codec(registry_from(settings.registry_url))
        self._held: dict[str, Mapping[int, OffsetRange]] = {}
        self.unreadable = 0

    def partitions(self, topic: TopicSpec) -> Sequence[int]:
        """Those that have records. Raises as `RangeReader.held`."""
        return [number for number, span in self._spans(topic).items() if span.last_offset >= 0]

    def read(self, topic: TopicSpec, partition: int, since_us: int = 0) -> Iterator[Fact]:
        """Readable records stamped then or later, by offset. Raises as `RangeReader.read`."""
        for raw in self._reader.read([self._spans(topic)[partition]]):
            if raw.value is None or raw.stamp_us < since_us:
                continue
            try:
                record = self._codec.decode(raw.topic, raw.value)
            except RecordError:
                self.unreadable += 1
                continue
            yield Fact(
                topic=raw.topic,
                partition=raw.partition,
                offset=raw.offset,
                stamp_us=raw.stamp_us,
                record=record,
            )

    def _spans(self, topic: TopicSpec) -> Mapping[int, OffsetRange]:
        if topic.name not in self._held:
            held = self._reader.held([topic.name])
            self._held[topic.name] = {span.partition: span for span in held}
        return self._held[topic.name]
