"""What the tests of trainer, reviewer and test drive share: a clock, facts and a publisher."""

from typing import Any

from schemas.facts import Fact
from schemas.topics import TopicSpec

NOW_US = 1_800_000_000_000_000


class Log:
    """A publisher whose flushed records can be read back as facts, each topic in its order."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self._queued: list[tuple[TopicSpec, Any]] = []

    def publish(self, topic: TopicSpec, record: Any) -> None:
        self._queued.append((topic, record))

    def flush(self) -> None:
        for topic, record in self._queued:
            self.write(topic, record)
        self._queued.clear()

    def write(self, topic: TopicSpec, record: Any) -> Fact:
        fact = Fact(
            topic=topic.name,
            partition=0,
            offset=len(self.of(topic)),
            stamp_us=NOW_US,
            record=record,
        )
        self.facts.append(fact)
        return fact

    def of(self, topic: TopicSpec) -> list[Any]:
        return [fact.record for fact in self.facts if fact.topic == topic.name]
