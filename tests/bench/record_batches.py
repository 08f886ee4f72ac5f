"""How much faster the record-batch worker is than a stock Faust agent and than bytewax.

All consume the same topic of our own `inference-events` on one real Kafka, decode it and add up
by release, hardware, region and 10 s window; ours also stores checkpoints. The peers' programs
stand in the folder `peers` of FLEETLOOP_SHARED; their libraries in a venv of their own, whose
Python PEERS_PYTHON names.
"""

import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from infra.kafka.admin import Admin
from infra.kafka.publisher import Publisher
from infra.settings import KafkaSettings
from infra.stack.kafka_broker import KafkaBroker
from infra.stack.supervisor import Supervisor
from infra.topics import apply_all
from schemas.codec import Codec
from schemas.registry import FileRegistry
from schemas.topics import INFERENCE_EVENTS
from schemas.versions import PACKAGED
from tests.bench import codec
from tests.bench.figures import figure, tell

ROOT: Final = Path(__file__).resolve().parents[2]
PEERS: Final = Path(os.environ.get("FLEETLOOP_SHARED", str(ROOT.parent / "shared"))) / "peers"
CACHE: Final = Path.home() / ".cache" / "fleetloop" / "peers"
LIBRARIES: Final = ("faust-streaming", "bytewax", "fastavro", "confluent-kafka", "cramjam")
RECORDS: Final = 400_000
DISTINCT: Final = 8_000
ROUNDS: Final = 3
STOCK_GOAL: Final = 15.0
BYTEWAX_GOAL: Final = 3.0
_RATE: Final = re.compile(r": (\d+) records/s")


class PeersMissingError(RuntimeError):
    """The programs to compare with are not there."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Records a second in one round, one after another on the same topic."""

    worker: float
    stock_faust: float
    bytewax: float


def figures() -> Mapping[str, Mapping[str, Any]]:
    """Both ratios: the median over rounds, each round's ratio being of that round alone."""
    rounds = measure()
    stock = statistics.median(each.worker / each.stock_faust for each in rounds)
    bytewax = statistics.median(each.worker / each.bytewax for each in rounds)
    return {
        "worker_vs_stock_faust": figure(stock, "times", STOCK_GOAL),
        "worker_vs_bytewax": figure(bytewax, "times", BYTEWAX_GOAL),
    }


def measure() -> list[Rates]:
    """Fill a topic and let everyone read it, in turn.

    Raises:
        PeersMissingError: The peers' programs are not there.
    """
    if not PEERS.is_dir():
        raise PeersMissingError(f"no folder {PEERS}; point FLEETLOOP_SHARED to the one that has it")
    python = peers_python()
    with broker() as kafka:
        fill(kafka)
        return [
            Rates(
                worker=worker(kafka),
                bytewax=peer(python, kafka, "bytewax_window", RECORDS // 4),
                stock_faust=peer(python, kafka, "stock_faust", RECORDS // 10),
            )
            for _ in range(ROUNDS)
        ]


@contextmanager
def broker() -> Iterator[KafkaSettings]:
    """A real Kafka of the benchmark's own."""
    with tempfile.TemporaryDirectory() as folder, Supervisor(Path(folder) / "logs") as running:
        server = KafkaBroker(running, Path(folder) / "kafka")
        server.start()
        apply_all(Admin(server.settings))
        yield server.settings


def fill(kafka: KafkaSettings) -> None:
    """Publish the records: windows of one hour, each distinct record many times."""
    rng = random.Random(codec.SEED)
    encoder = Codec(FileRegistry())
    events = [codec.event(rng, number) for number in range(DISTINCT)]
    bodies = []
    for number, event in enumerate(events):
        shift = number % 360 * 10_000_000
        moved = replace(
            event, window_start=event.window_start - shift, window_end=event.window_end - shift
        )
        bodies.append((event.device_id.encode(), encoder.encode(INFERENCE_EVENTS, moved)))
    with Publisher(kafka, encoder, "bench") as publisher:
        for number in range(RECORDS):
            publisher.publish_bytes(INFERENCE_EVENTS, *bodies[number % DISTINCT])


def worker(kafka: KafkaSettings) -> float:
    """Rate of our worker, checkpoints once a second."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            "FLEETLOOP_KAFKA__BOOTSTRAP": kafka.bootstrap,
            "FLEETLOOP_OBJECTS_URL": f"file://{folder}",
            "FLEETLOOP_CHECKPOINT_INTERVAL_S": "1",
        }
        return rate([sys.executable, "-m", "tests.bench.grouping", str(RECORDS)], environment)


def peer(python: Path, kafka: KafkaSettings, name: str, records: int) -> float:
    """Rate of one of the peers' programs."""
    job = {
        "brokers": kafka.bootstrap,
        "topic": INFERENCE_EVENTS.name,
        "records": str(records),
        "schema": str(PACKAGED / INFERENCE_EVENTS.name / "1.avsc"),
        "group": "release_id,hardware,region",
        "time": "window_start",
        "sum": "produced,late",
    }
    arguments = [part for key, value in job.items() for part in (f"--{key}", value)]
    return rate([str(python), str(PEERS / f"{name}.py"), *arguments], {})


def rate(command: Sequence[str], environment: Mapping[str, str]) -> float:
    """Run a program that says its rate on stdout."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        timeout=300,
        check=False,
    )
    found = _RATE.search(done.stdout.decode())
    if found is None:
        raise RuntimeError(f"{command[:3]} said no rate: {done.stderr.decode()[-2_000:]}")
    sys.stderr.write(done.stdout.decode())
    return float(found.group(1))


def peers_python() -> Path:
    """Python with the peers' libraries; a venv is made when PEERS_PYTHON does not name one."""
    named = os.environ.get("PEERS_PYTHON")
    if named:
        return Path(named)
    python = CACHE / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(CACHE)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *LIBRARIES], check=True)
    return python


def main() -> None:
    """Measure and tell."""
    tell("record-batches", figures())


if __name__ == "__main__":
    main()
