"""`make bench NAME=clickhouse`: how fast the sink stores, against two other ways of doing it.

One real Kafka, one embedded ClickHouse, one consumer process at a time on the same machine. All
read the same `inference-events` with their histograms. Ours has its ledger, tokens and leases on.
It and the row dicts fill the same table with the same rollups behind it, the containers a bare one.
The catch-up is an hour's outage scaled down: what the sink cannot hold while ClickHouse is away
stays in Kafka, so an hour differs from seconds only in how long the same rate is kept up.
"""

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from consumers.clickhouse.client import native
from infra.clickhouse.migrate import apply
from infra.kafka.admin import Admin
from infra.kafka.publisher import Publisher
from infra.settings import ClickHouseSettings, KafkaSettings
from infra.stack.clickhouse import ClickHouseServer
from infra.stack.clickhouse_http import ask
from infra.stack.kafka_broker import KafkaBroker
from infra.stack.supervisor import Supervisor
from infra.topics import apply_all
from schemas.codec import Codec
from schemas.registry import FileRegistry
from schemas.topics import INFERENCE_EVENTS
from tests.bench import codec
from tests.bench.figures import figure, tell
from tests.bench.sink_programs import CONTAINER_TABLE, block, container_head

ROOT: Final = Path(__file__).resolve().parents[2]
RECORDS: Final = int(os.environ.get("BENCH_RECORDS", "400000"))
SHARES: Final = {"sink": 1.0, "containers": 1.0, "dicts": 0.15}
DISTINCT: Final = 8_000
ROUNDS: Final = 3
LIVE_RATE: Final = 20_000
DICTS_GOAL: Final = 6.0
CONTAINERS_GOAL: Final = 1.0
CPU_GOAL_US: Final = 4.0
MEMORY_GOAL_MB: Final = 400.0
CATCH_UP_GOAL: Final = 5.0


class Bench:
    """The engines and the filled topic."""

    def __init__(self, folder: Path, supervisor: Supervisor) -> None:
        self._broker = KafkaBroker(supervisor, folder / "kafka")
        self._clickhouse = ClickHouseServer(supervisor, folder / "clickhouse")
        self._databases = 0

    def start(self) -> None:
        """Start both and fill the topic."""
        self._broker.start()
        self._clickhouse.start()
        apply_all(Admin(self._broker.settings))
        fill(self._broker.settings, RECORDS)

    def run(self, program: str) -> Mapping[str, float]:
        """One program into a database of its own."""
        database = self._database()
        records = int(RECORDS * SHARES[program])
        with self._start(program, records, database) as running:
            told, failed = running.communicate(timeout=300)
        self._drop(database)
        return self._found(program, told, failed)

    def catch_up(self) -> tuple[float, float]:
        """ClickHouse dies under the sink; rate after its return (rows/s), and peak memory (MB).

        Of the rest of the topic and as much again: the backlog is longer than the topic was.
        """
        database = self._database()
        extra = RECORDS
        with self._start("sink", RECORDS + extra, database) as running:
            self._until_rows(database, 1)
            self._clickhouse.kill()
            fill(self._broker.settings, extra)
            time.sleep(5.0)  # full and paused
            self._clickhouse.start()
            begun, stored = time.monotonic(), self._rows(database)
            told, failed = running.communicate(timeout=300)
            seconds = time.monotonic() - begun
        found = self._found("sink", told, failed)
        self._drop(database)
        return (RECORDS + extra - stored) / seconds, found["peak_mb"]

    def _start(
        self, program: str, records: int, database: ClickHouseSettings
    ) -> "subprocess.Popen[str]":
        environment = os.environ | {
            "FLEETLOOP_KAFKA__BOOTSTRAP": self._broker.settings.bootstrap,
            "FLEETLOOP_CLICKHOUSE__TCP_PORT": str(database.tcp_port),
            "FLEETLOOP_CLICKHOUSE__HTTP_PORT": str(database.http_port),
            "FLEETLOOP_CLICKHOUSE__DATABASE": database.database,
            "FLEETLOOP_SINK__GROUP": database.database,
        }
        command = [sys.executable, "-m", "tests.bench.sink_programs", program, str(records)]
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _found(self, program: str, told: str, failed: str) -> Mapping[str, float]:
        if not told:
            raise RuntimeError(f"{program} told nothing: {failed[-2_000:]}")
        sys.stderr.write(f"{program}: {told}")
        figures: Mapping[str, float] = json.loads(told)
        return figures

    def _database(self) -> ClickHouseSettings:
        self._databases += 1
        name = f"bench_{self._databases}"
        made = self._clickhouse.settings.model_copy(update={"database": name})
        apply(made)
        registry = FileRegistry()
        schema = registry.schema(registry.schema_id(INFERENCE_EVENTS.name))
        sample = container_head(schema) + block([encoded(1)[0][1][5:]])
        ask(
            made,
            f"CREATE TABLE {CONTAINER_TABLE} ENGINE = MergeTree "  # noqa: S608 - our own sample
            "ORDER BY (hardware, device_id, window_end) AS "
            f"SELECT * FROM format(Avro, unhex('{sample.hex()}')) LIMIT 0",
            database=name,
        )
        return made

    def _drop(self, database: ClickHouseSettings) -> None:
        ask(self._clickhouse.settings, f"DROP DATABASE `{database.database}` SYNC")

    def _rows(self, database: ClickHouseSettings) -> int:
        with native(database) as client:
            ((rows,),) = client.execute("SELECT count() FROM inference_events")
        return int(rows)

    def _until_rows(self, database: ClickHouseSettings, rows: int) -> None:
        deadline = time.monotonic() + 60
        while self._rows(database) < rows and time.monotonic() < deadline:
            time.sleep(0.05)


def encoded(count: int) -> list[tuple[bytes, bytes]]:
    """Key and framed body of different events."""
    rng = random.Random(codec.SEED)
    encoder = Codec(FileRegistry())
    events = [codec.event(rng, number) for number in range(count)]
    return [(e.device_id.encode(), encoder.encode(INFERENCE_EVENTS, e)) for e in events]


def fill(kafka: KafkaSettings, records: int) -> None:
    """Publish the records, each distinct one many times."""
    bodies = encoded(DISTINCT)
    with Publisher(kafka, Codec(FileRegistry()), "bench") as publisher:
        for number in range(records):
            publisher.publish_bytes(INFERENCE_EVENTS, *bodies[number % DISTINCT])


def figures() -> Mapping[str, Mapping[str, Any]]:
    """The sink's figures; ratios are medians over rounds, each of one round alone."""
    with (
        tempfile.TemporaryDirectory(prefix="fleetloop-bench-") as folder,
        Supervisor(Path(folder) / "logs") as supervisor,
    ):
        bench = Bench(Path(folder), supervisor)
        bench.start()
        rounds = [{name: bench.run(name) for name in SHARES} for _ in range(ROUNDS)]
        caught_up, peak = bench.catch_up()

    def median(of: Callable[[Mapping[str, Mapping[str, float]]], float]) -> float:
        return statistics.median(of(each) for each in rounds)

    return {
        "rows_per_second": figure(median(lambda r: r["sink"]["rate"]), "rows/s", None),
        "containers_per_second": figure(median(lambda r: r["containers"]["rate"]), "rows/s", None),
        "dicts_per_second": figure(median(lambda r: r["dicts"]["rate"]), "rows/s", None),
        "sink_vs_row_dicts": figure(
            median(lambda r: r["sink"]["rate"] / r["dicts"]["rate"]), "times", DICTS_GOAL
        ),
        "sink_vs_avro_containers": figure(
            median(lambda r: r["sink"]["rate"] / r["containers"]["rate"]), "times", CONTAINERS_GOAL
        ),
        "own_cpu_per_row": figure(
            median(lambda r: r["sink"]["cpu_us"]), "us", CPU_GOAL_US, at_most=True
        ),
        "peak_memory_with_backlog": figure(
            max(peak, median(lambda r: r["sink"]["peak_mb"])), "MB", MEMORY_GOAL_MB, at_most=True
        ),
        "catch_up_vs_live_rate": figure(caught_up / LIVE_RATE, "times", CATCH_UP_GOAL),
    }


def main() -> None:
    """Measure and tell."""
    tell("clickhouse", figures())


if __name__ == "__main__":
    main()
