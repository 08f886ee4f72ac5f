"""Glue of dataset assembly: what the runtime calls, and which worker leads a line."""

from collections.abc import Sequence
from typing import Final

from infra.objects import ObjectStore
from infra.settings import Settings
from schemas.dataset_lines import LineBook
from schemas.facts import Fact
from schemas.records import DatasetManifest
from schemas.registry import registry_from
from schemas.topics import (
    DATASET_MANIFESTS,
    DEAD_LETTERS,
    EDGE_CASES,
    ERASURES,
    LABEL_REQUESTS,
    TopicSpec,
)
from streams.dataset.assembler import Assembler
from streams.dataset.policy import load_policy
from streams.dataset.sources import KafkaLog, ObjectGallery, ObjectShelf
from streams.generation import generation
from streams.processor import LogBatch, Outgoing, Position, Standing

_CODE_VERSION: Final = "1"
_LEADS: Final = (EDGE_CASES.name, 0)  # whoever is assigned this partition leads the line
_BEHIND_US: Final = 2_000_000


class NoState:
    """What is in the partitions is read by range: nothing of it is kept here."""

    def apply(self, batch: LogBatch) -> None:
        """Keep nothing."""

    def snapshot(self) -> bytes:
        """Nothing, as JSON."""
        return b"{}"


class DatasetProcessor:
    """One dataset line. Any number of workers may run; the one that leads decides.

    edge-cases is divided among them to say who leads, and until when its log was read.
    """

    name = "dataset"
    batched: Sequence[TopicSpec] = (EDGE_CASES,)
    followed: Sequence[TopicSpec] = (DATASET_MANIFESTS, ERASURES)

    def __init__(self, assembler: Assembler) -> None:
        self._assembler = assembler
        self._book = LineBook()
        self._written_seq = -1

    def generation(self, topic: TopicSpec, topic_id: str) -> str:
        """The same for every build: there is no state that could differ."""
        return generation(topic_id, f"{self.name}.{topic.name}", "none", _CODE_VERSION)

    def fold(self, topic: str, partition: int, snapshot: bytes | None) -> NoState:  # noqa: ARG002 - the interface of Processor
        """No state, whatever the partition."""
        return NoState()

    def drop(self, topic: str, partition: int) -> None:
        """Nothing is kept beside the folds."""

    def observe(self, facts: Sequence[Fact]) -> None:
        """Move the line on, void records change nothing; learn which devices are erased."""
        for fact in facts:
            if fact.topic == ERASURES.name:
                self._assembler.erasures.observe(fact)
            else:
                record: DatasetManifest = fact.record
                self._book.observe(record, fact.stamp_us)

    def emit(self, standing: Standing) -> Sequence[Outgoing]:
        """The next step of the line, once; it counts when it has been read back."""
        position = standing.partitions.get(_LEADS)
        if position is None or position.asked_us == 0:
            return ()
        view = self._book.line(self._assembler.policy.line)
        requests = [
            Outgoing(topic=LABEL_REQUESTS, record=r) for r in self._assembler.requests(view)
        ]
        if letters := self._assembler.letters(view):
            # Before the dataset: what its count of exclusions speaks of is on the log by then.
            return [Outgoing(topic=DEAD_LETTERS, record=one) for one in letters]
        if self._written_seq == view.next_seq:
            return requests
        step = self._assembler.next(view, _read_until_us(position))
        if step is None:
            return requests
        self._written_seq = step.seq
        return [*requests, Outgoing(topic=DATASET_MANIFESTS, record=step)]


def _read_until_us(position: Position) -> int:
    """Ingest time up to which the partition was read; without records it goes on at its end."""
    at_end = position.applied_through >= position.end_offset - 1
    return max(position.high_stamp_us, position.asked_us - _BEHIND_US if at_end else 0)


def processor(settings: Settings) -> DatasetProcessor:
    """The dataset worker of an installation."""
    registry = registry_from(settings.registry_url)
    objects = ObjectStore(settings.objects_url)
    assembler = Assembler(
        load_policy(settings.dataset_file),
        KafkaLog(settings.kafka, registry),
        ObjectShelf(objects),
        ObjectGallery(objects),
    )
    return DatasetProcessor(assembler)
