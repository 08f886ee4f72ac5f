"""Glue of dataset assembly: what the runtime calls, and which worker leads a line."""

import json
from collections.abc import Sequence

from infra.objects import ObjectStore
from infra.settings import Settings
from schemas.facts import Fact
from schemas.records import DatasetManifest
from schemas.registry import registry_from
from schemas.topics import (
    DATASET_MANIFESTS,
    EDGE_CASES,
    LABEL_REQUESTS,
    LABEL_REVIEWS,
    TopicSpec,
)
from streams.dataset.assembler import Assembler
from streams.dataset.line import LineBook, LineView
from streams.dataset.policy import load_policy
from streams.dataset.sources import KafkaLog, ObjectShelf
from streams.generation import generation
from streams.processor import LogBatch, Outgoing, Position, Standing

_CODE_VERSION = "1"  # rises when Tally's snapshot changes
_LEADS = (EDGE_CASES.name, 0)  # whoever is assigned this partition leads the line
_BEHIND_US = 2_000_000


class Tally:
    """How many records of one partition were seen; what is in them is read by range."""

    def __init__(self, records: int = 0) -> None:
        self.records = records

    def apply(self, batch: LogBatch) -> None:
        """Count the batch."""
        self.records += batch.rows.num_rows

    def snapshot(self) -> bytes:
        """The count as JSON."""
        return json.dumps(self.records).encode()


class DatasetProcessor:
    """One dataset line. Any number of workers may run; the one that leads decides."""

    name = "dataset"
    batched: Sequence[TopicSpec] = (EDGE_CASES, LABEL_REVIEWS)
    followed: Sequence[TopicSpec] = (DATASET_MANIFESTS,)

    def __init__(self, assembler: Assembler) -> None:
        self._assembler = assembler
        self._book = LineBook()
        self._stamps: dict[str, int] = {}
        self._written_seq = -1

    def generation(self, topic: TopicSpec, topic_id: str) -> str:
        """Build of the tallies."""
        return generation(topic_id, f"{self.name}.{topic.name}", "none", _CODE_VERSION)

    def fold(self, topic: str, partition: int, snapshot: bytes | None) -> Tally:  # noqa: ARG002 - every partition is tallied alike
        """A tally, from a snapshot when there is one."""
        return Tally(0 if snapshot is None else json.loads(snapshot))

    def drop(self, topic: str, partition: int) -> None:
        """Nothing is kept beside the folds."""

    def observe(self, facts: Sequence[Fact]) -> None:
        """Move the line on; void records change nothing."""
        for fact in facts:
            record: DatasetManifest = fact.record
            if self._book.observe(record):
                self._stamps[record.line] = fact.stamp_us

    def emit(self, standing: Standing) -> Sequence[Outgoing]:
        """The next step of the line, once; it counts when it has been read back."""
        position = standing.partitions.get(_LEADS)
        if position is None or position.asked_us == 0:
            return ()
        view = self._book.line(self._assembler.policy.line)
        requests = [
            Outgoing(topic=LABEL_REQUESTS, record=r) for r in self._assembler.requests(view)
        ]
        step = None if self._written_seq == view.next_seq else self._next(view, position)
        if step is None:
            return requests
        self._written_seq = step.seq
        return [*requests, Outgoing(topic=DATASET_MANIFESTS, record=step)]

    def _next(self, view: LineView, position: Position) -> DatasetManifest | None:
        now_us = max(position.high_stamp_us, position.asked_us - _BEHIND_US)
        asked_us = self._stamps.get(self._assembler.policy.line, 0)
        return self._assembler.next(view, asked_us, now_us)


def processor(settings: Settings) -> DatasetProcessor:
    """The dataset worker of an installation."""
    registry = registry_from(settings.registry_url)
    assembler = Assembler(
        load_policy(settings.dataset_file),
        KafkaLog(settings.kafka, registry),
        ObjectShelf(ObjectStore(settings.objects_url)),
    )
    return DatasetProcessor(assembler)
