"""Who leads a line, how often a step is written, and which time decides."""

from dataclasses import replace
from typing import Any

from schemas.facts import Fact
from schemas.records import ManifestKind
from schemas.topics import DATASET_MANIFESTS, DEAD_LETTERS, EDGE_CASES
from streams.dataset.agent import DatasetProcessor
from streams.processor import Position, Source, Standing
from tests.factories import dataset_manifest, dead_letter

SECOND = 1_000_000
LEADS = (EDGE_CASES.name, 0)
HERE = Position(
    topic_id="t",
    generation="g",
    applied_through=9,
    end_offset=10,
    asked_us=100 * SECOND,
    high_stamp_us=50 * SECOND,
)


class Recorded:
    """An assembler that always has a next step and notes the time it is told."""

    def __init__(self) -> None:
        self.policy = type("Policy", (), {"line": "perception"})
        self.times: list[int] = []
        self.refused: list[Any] = []

    def requests(self, view: Any) -> tuple[()]:  # noqa: ARG002 - the interface of Assembler
        return ()

    def letters(self, view: Any) -> list[Any]:  # noqa: ARG002 - the interface of Assembler
        return [self.refused.pop()] if self.refused else []

    def next(self, view: Any, now_us: int) -> Any:
        self.times.append(now_us)
        return replace(dataset_manifest(), line="perception", seq=view.next_seq)


def emitted(processor: DatasetProcessor, positions: dict[Source, Position]) -> list[int]:
    said = processor.emit(Standing(now_us=10**12, partitions=positions))
    return [outgoing.record.seq for outgoing in said]


def test_only_the_worker_of_the_first_partition_leads_once_it_knows_where_it_stands() -> None:
    processor = DatasetProcessor(Recorded())  # type: ignore[arg-type] # stands for an Assembler
    assert emitted(processor, {(EDGE_CASES.name, 1): HERE}) == []
    assert emitted(processor, {LEADS: replace(HERE, asked_us=0)}) == []
    assert emitted(processor, {LEADS: HERE}) == [0]


def test_a_step_is_written_once_and_the_next_when_it_is_read_back() -> None:
    processor = DatasetProcessor(Recorded())  # type: ignore[arg-type] # stands for an Assembler
    assert [emitted(processor, {LEADS: HERE}) for _ in range(3)] == [[0], [], []]
    record = replace(dataset_manifest(), line="perception", seq=0, kind=ManifestKind.ASSEMBLED)
    read_back = Fact(
        topic=DATASET_MANIFESTS.name, partition=0, offset=0, stamp_us=SECOND, record=record
    )
    void = replace(read_back, record=replace(record, seq=5))
    processor.observe([void])
    assert emitted(processor, {LEADS: HERE}) == []


def test_time_goes_on_with_the_log_and_by_the_asking_only_at_its_end() -> None:
    """A worker that was down must not find a question late before it has read what waits."""
    recorded = Recorded()
    for position in (HERE, replace(HERE, end_offset=11), replace(HERE, high_stamp_us=99 * SECOND)):
        processor = DatasetProcessor(recorded)  # type: ignore[arg-type] # stands for an Assembler
        emitted(processor, {LEADS: position})
    assert recorded.times == [98 * SECOND, 50 * SECOND, 99 * SECOND]


def test_dead_letters_of_a_cut_are_on_the_log_before_the_dataset_that_counts_them() -> None:
    """The runtime waits for what one call hands on before it makes the next."""
    recorded = Recorded()
    recorded.refused.append(dead_letter())
    processor = DatasetProcessor(recorded)  # type: ignore[arg-type] # stands for an Assembler
    standing = Standing(now_us=10**12, partitions={LEADS: HERE})
    topics = [[out.topic.name for out in processor.emit(standing)] for _ in range(2)]
    assert topics == [[DEAD_LETTERS.name], [DATASET_MANIFESTS.name]]
