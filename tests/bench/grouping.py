"""The worker that the benchmark measures: sums by release, hardware, region and 10 s window."""

import json
import os
import signal
import sys
import time
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from infra.lean import without
from infra.settings import Settings
from schemas.topics import INFERENCE_EVENTS, TopicSpec
from streams.generation import generation
from streams.processor import Fact, LogBatch, Outgoing, Standing
from streams.worker import run

GROUP = ["release_id", "hardware", "region"]
SUMS = ["produced", "late"]
WINDOW_US = 10_000_000
Key = tuple[str | None, str, str, int]


class GroupingFold:
    """Running sums of one partition."""

    def __init__(self, grouping: "Grouping", snapshot: bytes | None) -> None:
        self._grouping = grouping
        self._sums: dict[Key, list[int]] = {}
        for *key, sums in json.loads(snapshot) if snapshot else []:
            self._sums[key[0], key[1], key[2], key[3]] = sums

    def apply(self, batch: LogBatch) -> None:
        start = batch.rows.column("window_start").cast(pa.int64())
        windows = pc.multiply(pc.divide(start, WINDOW_US), WINDOW_US)
        table = pa.table(
            {
                **{name: batch.rows.column(name) for name in (*GROUP, *SUMS)},
                "window": windows,
            }
        )
        grouped = table.group_by([*GROUP, "window"]).aggregate([(name, "sum") for name in SUMS])
        columns = [grouped.column(name).to_pylist() for name in (*GROUP, "window")]
        added = [grouped.column(f"{name}_sum").to_pylist() for name in SUMS]
        for release, hardware, region, window, *more in zip(*columns, *added, strict=True):
            sums = self._sums.setdefault((release, hardware, region, window), [0, 0])
            sums[0] += more[0]
            sums[1] += more[1]
        self._grouping.counted(batch.rows.num_rows)

    def snapshot(self) -> bytes:
        return json.dumps([(*key, sums) for key, sums in self._sums.items()]).encode()


class Grouping:
    """Groups until so many records were counted, says the rate on stdout and stops.

    Time runs from the moment the first partition is opened, before anything is fetched.
    """

    name = "bench-grouping"
    batched: Sequence[TopicSpec] = (INFERENCE_EVENTS,)
    followed: Sequence[TopicSpec] = ()

    def __init__(self, total: int) -> None:
        self._total = total
        self._seen = 0
        self._began = 0.0

    def generation(self, topic: TopicSpec, topic_id: str) -> str:
        return generation(topic_id, f"bench.{topic.name}", "none", str(os.getpid()))

    def fold(self, topic: str, partition: int, snapshot: bytes | None) -> GroupingFold:  # noqa: ARG002 - the contract
        self._began = self._began or time.perf_counter()
        return GroupingFold(self, snapshot)

    def drop(self, topic: str, partition: int) -> None:
        """Folds belong to nobody else."""

    def observe(self, facts: Sequence[Fact]) -> None:
        """Nothing is followed."""

    def emit(self, standing: Standing) -> Sequence[Outgoing]:  # noqa: ARG002 - the contract
        return ()

    def counted(self, records: int) -> None:
        self._seen += records
        if self._seen >= self._total > self._seen - records:
            rate = self._seen / (time.perf_counter() - self._began)
            sys.stdout.write(f"fleetloop worker: {rate:.0f} records/s\n")
            sys.stdout.flush()
            os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    without("pandas")
    sys.exit(run(Grouping(int(sys.argv[1])), Settings()))
