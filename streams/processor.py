"""What a worker runs: the pure contract between the Faust runtime and a processor."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.facts import Fact
from schemas.topics import TopicSpec

__all__ = [
    "Fact",
    "Fold",
    "LogBatch",
    "Outgoing",
    "Position",
    "Processor",
    "Refused",
    "Source",
    "Standing",
    "Tally",
    "Tallying",
]

Source: TypeAlias = tuple[str, int]

BROKER_SLACK_US: Final = 2_000_000
"""A partition standing at its end is known up to this long before the broker was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Records of a stretch that were readable and broke a rule, for those who count them.

    Attributes:
        rows: Columns of the m records. stamps_us: int64[m].
        fields: The field of the rule that each broke first.
    """

    rows: pa.RecordBatch
    stamps_us: npt.NDArray[np.int64]
    fields: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogBatch:
    """The valid records of one stretch of one partition, in log order.

    Attributes:
        rows: Columns of the n valid records, as `schemas.columns` makes them.
        offsets: int64[n], strictly rising.
        stamps_us: int64[n], the broker's stamp of each record.
        last_offset: Last offset of the stretch, refused records and legal gaps included.
        high_stamp_us: Highest stamp of the partition read so far, this stretch included.
        refused: What validation refused; None: nothing.
        tombstones: Keys that the stretch says to forget, on a compacted topic.
    """

    topic: str
    partition: int
    rows: pa.RecordBatch
    offsets: npt.NDArray[np.int64]
    stamps_us: npt.NDArray[np.int64]
    last_offset: int
    high_stamp_us: int
    refused: Refused | None = None
    tombstones: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far one partition has been folded.

    Attributes:
        topic_id: Identity of the log; another one of the same name has another id.
        generation: Which build of the state this is (`streams.generation`).
        applied_through: Last offset the fold includes; -1 when it includes none.
        end_offset: Offset the next record would have got when the broker was last asked.
        asked_us: When the broker was last asked, as this machine's clock told; 0: not yet.
        high_stamp_us: Highest broker stamp read; 0 when nothing was read.
        blind_before_us: The log had lost its beginning when the state was begun: of records stamped
            before this nothing is known. 0: the state began where the log began.
    """

    topic_id: str
    generation: str
    applied_through: int
    end_offset: int
    asked_us: int
    high_stamp_us: int
    blind_before_us: int = 0

    @property
    def ingest_us(self) -> int:
        """Ingest time up to which the partition was read: an observation, told in PROGRESS."""
        at_end = self.asked_us > 0 and self.applied_through >= self.end_offset - 1
        return max(self.high_stamp_us, self.asked_us - BROKER_SLACK_US if at_end else 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where the worker stands when it asks a processor what there is to say.

    Attributes:
        now_us: Wall clock; it paces repeated emissions and decides nothing.
        partitions: One position for each assigned partition, by (topic, partition).
    """

    now_us: int
    partitions: Mapping[Source, Position]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A record to publish; `partition` None leaves the choice to the record's key."""

    topic: TopicSpec
    record: Any
    partition: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """One running count of a processor, for /metrics; it may begin again after a restart.

    Attributes:
        name: As Prometheus has it, without `_total`.
        told: What it counts, one sentence.
    """

    name: str
    told: str
    labels: Mapping[str, str]
    value: int


@runtime_checkable
class Tallying(Protocol):
    """A processor that counts what on-call may want to see."""

    def tallies(self) -> Iterable[Tally]:
        """What it counted so far; asked from another thread, so it only reads."""


class Fold(Protocol):
    """State of one partition: a deterministic function of that partition's log prefix."""

    def apply(self, batch: LogBatch) -> None:
        """Include the next stretch of the partition."""

    def snapshot(self) -> bytes:
        """State as bytes; a fold made from them equals this one."""


class Processor(Protocol):
    """What decides: pure, with no Kafka, no Faust and no clock of its own.

    Attributes:
        name: The consumer group is `fleetloop.<name>`.
        batched: Topics divided among the workers of the group, folded by partition.
        followed: Topics read whole by every worker: small, decided facts.
    """

    @property
    def name(self) -> str:
        """Name of the processor."""

    @property
    def batched(self) -> Sequence[TopicSpec]:
        """Topics folded by partition."""

    @property
    def followed(self) -> Sequence[TopicSpec]:
        """Topics read whole."""

    def generation(self, topic: TopicSpec, topic_id: str) -> str:
        """Name of the build of state that this code and configuration make of this log.

        Called for every batched topic, in their order, before the first fold is made: a stage
        that reads what an earlier one hands on can bind its state to that one's generation.
        """

    def fold(self, topic: str, partition: int, snapshot: bytes | None) -> Fold:
        """Make the fold of a newly assigned partition, from a snapshot when there is one."""

    def drop(self, topic: str, partition: int) -> None:
        """Forget the fold of a partition that was taken away."""

    def observe(self, facts: Sequence[Fact]) -> None:
        """Take note of records of the followed topics, in log order."""

    def emit(self, standing: Standing) -> Sequence[Outgoing]:
        """Say what is to be published; called after each batch and at least every 0.5 s."""
