"""A processor to test the worker with: exact sums a partition, and a program that runs it."""

import json
import logging
import sys
from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from infra.lean import without
from infra.objects import ObjectStore
from infra.settings import Settings
from schemas.records import DeviceClass, InferenceEvent, LatencyHistogram, PartialKind, SloPartial
from schemas.topics import INFERENCE_EVENTS, MODEL_RELEASES, SLO_PARTIALS, TopicSpec
from streams.checkpoints import Checkpoint
from streams.generation import generation
from streams.processor import Fact, LogBatch, Outgoing, Standing

POISON_PRODUCED = 666
SECOND_US = 1_000_000


class SummingFold:
    """Sums by partition: records, produced, and a digest of the order they came in."""

    def __init__(self, snapshot: bytes | None = None) -> None:
        state = json.loads(snapshot) if snapshot else {}
        self.records: int = state.get("records", 0)
        self.produced: int = state.get("produced", 0)
        self.order: int = state.get("order", 0)

    def apply(self, batch: LogBatch) -> None:
        produced = batch.rows.column("produced")
        for offset, each in zip(batch.offsets.tolist(), produced.to_pylist(), strict=True):
            self.order = (self.order * 31 + offset * 7 + each) % (1 << 61)
        self.records += batch.rows.num_rows
        self.produced += pc.sum(produced).as_py() or 0

    def snapshot(self) -> bytes:
        return json.dumps(self.totals()).encode()

    def totals(self) -> dict[str, int]:
        return {"records": self.records, "produced": self.produced, "order": self.order}


class Summing:
    """Sums `inference-events`; hands on a cumulative cell for each partition.

    Args:
        version: Part of the generation.
        fail_at: A record that reports this many inferences is an error nobody expected.
    """

    name = "summing"
    batched: Sequence[TopicSpec] = (INFERENCE_EVENTS,)

    def __init__(
        self, *, version: str = "1", fail_at: int | None = None, follow: bool = False
    ) -> None:
        self.followed: Sequence[TopicSpec] = (MODEL_RELEASES,) if follow else ()
        self.folds: dict[tuple[str, int], SummingFold] = {}
        self.facts: list[Fact] = []
        self._version = version
        self._fail_at = fail_at
        self._told: dict[tuple[str, int], int] = {}

    def generation(self, topic: TopicSpec, topic_id: str) -> str:
        return generation(topic_id, f"summing.{topic.name}", "none", self._version)

    def fold(self, topic: str, partition: int, snapshot: bytes | None) -> SummingFold:
        made = _Failing(snapshot, self._fail_at) if self._fail_at else SummingFold(snapshot)
        self.folds[topic, partition] = made
        return made

    def drop(self, topic: str, partition: int) -> None:
        del self.folds[topic, partition]
        self._told.pop((topic, partition), None)

    def observe(self, facts: Sequence[Fact]) -> None:
        self.facts += facts

    def emit(self, standing: Standing) -> Sequence[Outgoing]:
        return list(self._cells(standing))

    def _cells(self, standing: Standing) -> Iterator[Outgoing]:
        for source, at in standing.partitions.items():
            if self._told.get(source) != at.applied_through >= 0:
                self._told[source] = at.applied_through
                cell = _cell(self.folds[source], source, at.generation, at.applied_through)
                yield Outgoing(topic=SLO_PARTIALS, record=cell)


class _Failing(SummingFold):
    def __init__(self, snapshot: bytes | None, fail_at: int) -> None:
        super().__init__(snapshot)
        self._fail_at = fail_at

    def apply(self, batch: LogBatch) -> None:
        if pc.any(pc.equal(batch.rows.column("produced"), pa.scalar(self._fail_at))).as_py():
            raise ZeroDivisionError("nobody expected this record")
        super().apply(batch)


def _cell(fold: SummingFold, source: tuple[str, int], build: str, through: int) -> SloPartial:
    return SloPartial(
        event_id=f"{build}/{source[1]}/{through}",
        source="simulated",
        kind=PartialKind.CELL,
        generation=build,
        ingest_ts=0,
        source_topic=source[0],
        source_partition=source[1],
        last_offset=through,
        watermark=0,
        slo="summing",
        key={},
        bucket_start=0,
        total=fold.records,
        bad=0,
        exemplars=(),
    )


def event(device: int, sequence: int, produced: int, *, now_us: int) -> InferenceEvent:
    """A valid reporting window that says `produced`."""
    return InferenceEvent(
        event_id=f"vehicle-{device:06d}/1/{sequence}",
        source="simulated",
        device_id=f"vehicle-{device:06d}",
        device_class=DeviceClass.VEHICLE,
        hardware=("HW3", "HW4", "AI5")[device % 3],
        region=("city", "coast", "north", "alps")[device % 4],
        release_id=f"release-{device % 2}",
        model_digest=None,
        window_start=now_us - 10 * SECOND_US,
        window_end=now_us,
        deadline_us=50_000,
        expected=produced,
        produced=produced,
        warmup=0,
        late=produced // 50,
        latency=LatencyHistogram(
            scale=3,
            zero_count=0,
            offset=-8,
            counts=(produced - produced // 2, produced // 2),
            sum_us=produced * 20_000,
            min_us=15_000,
            max_us=60_000,
        ),
        confidence=(0,) * 10,
        classes=(0,) * 10,
        flips=0,
        exemplars=(),
    )


def stored_totals(objects_url: str, build: str) -> Mapping[int, tuple[int, dict[str, int]]]:
    """Offset included and sums by partition, as the checkpoints of a generation have them."""
    store = ObjectStore(objects_url)
    found = {}
    for name in store.list("checkpoints/summing"):
        *_, partition, made = name.split("/")
        if made == build:
            checkpoint = Checkpoint.from_bytes(store.get(name))
            found[int(partition)] = (checkpoint.applied_through, json.loads(checkpoint.state))
    return found


def main() -> int:
    """Run the worker with settings from the environment; arguments: version, failing record."""
    from streams.worker import run  # noqa: PLC0415 - the tests that import this need no Faust

    without("pandas")
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    fail_at = int(sys.argv[2]) if len(sys.argv) > 2 else None
    return run(Summing(version=sys.argv[1], fail_at=fail_at), Settings())


if __name__ == "__main__":
    sys.exit(main())
