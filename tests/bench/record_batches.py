"""How much faster the record-batch worker is than a stock Faust agent and than bytewax.

All consume the same topic of our own `inference-events` on one real Kafka, decode it and add up
by release, hardware, region and 10 s window; ours also stores checkpoints.
"""

import random
import statistics
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from infra.kafka.publisher import Publisher
from infra.settings import KafkaSettings
from schemas.codec import Codec
from schemas.registry import FileRegistry
from schemas.topics import INFERENCE_EVENTS
from tests.bench import codec
from tests.bench.figures import figure, tell
from tests.bench.peers import Job, Peers, broker, run

RECORDS: Final = 400_000
DISTINCT: Final = 8_000
ROUNDS: Final = 3
JOB: Final = Job("release_id,hardware,region", "window_start", "produced,late")
STOCK_GOAL: Final = 15.0
BYTEWAX_GOAL: Final = 3.0


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
    peers = Peers.found(JOB)
    with broker() as kafka:
        fill(kafka)
        return [
            Rates(
                worker=worker(kafka),
                bytewax=peers.python(kafka, "bytewax_window", RECORDS // 4).rate,
                stock_faust=peers.python(kafka, "stock_faust", RECORDS // 10).rate,
            )
            for _ in range(ROUNDS)
        ]


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
        return run([sys.executable, "-m", "tests.bench.grouping", str(RECORDS)], environment).rate


def main() -> None:
    """Measure and tell."""
    tell("record-batches", figures())


if __name__ == "__main__":
    main()
