"""`make bench NAME=slo`: the figures of latency-SLO alerting, on real Kafka, in one run.

Throughput and memory: the worker as it ships (decode with histograms, judge, bucket, watermark,
checkpoint, partials, both stages) and its peers read the same topic of our own records in turn.
"""

import statistics
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from infra.kafka.publisher import Publisher
from infra.keys import make_keys
from infra.settings import KafkaSettings
from schemas.codec import Codec
from schemas.registry import FileRegistry
from schemas.topics import INFERENCE_EVENTS
from tests.bench import slo_keys, slo_latency, slo_restart
from tests.bench.figures import figure, tell
from tests.bench.peers import Job, Peers, PeersMissingError, Run, broker, run
from tests.bench.slo_load import Template, backlog, devices

RECORDS: Final = 500_000
DEVICES: Final = 20_000
RELEASES: Final = 10
ROUNDS: Final = 3
JOB: Final = Job("release_id,hardware", "window_start", "produced,late")


@dataclass(frozen=True, slots=True)
class Round:
    """One program after another on the same topic."""

    worker: Run
    by_hand: Run
    dsl: Run
    bytewax: Run
    stock_faust: Run


def over_peers() -> Mapping[str, Mapping[str, Any]]:
    """Ratios: medians over rounds, each round's being of that round alone."""
    rounds = measure(Peers.found(JOB))
    goals = {"stock_faust": 20.0, "bytewax": 5.0, "dsl": 2.5, "by_hand": 1.0}
    found = {
        f"worker_vs_{name}": figure(
            statistics.median(each.worker.rate / getattr(each, name).rate for each in rounds),
            "times",
            goal,
        )
        for name, goal in goals.items()
    }
    resident = statistics.median(
        each.worker.resident_mb / each.by_hand.resident_mb for each in rounds
    )
    return found | {
        "worker_rate": figure(statistics.median(r.worker.rate for r in rounds), "records/s", None),
        "worker_resident": figure(max(r.worker.resident_mb for r in rounds), "MB", None),
        "resident_vs_kafka_streams": figure(resident, "times", 1.0, at_most=True),
    }


def measure(peers: Peers) -> list[Round]:
    """Fill a topic and let everyone read it, in turn; the slow ones read less of it."""
    with broker() as kafka:
        fill(kafka)
        return [
            Round(
                worker=worker(kafka),
                by_hand=peers.kafka_streams(kafka, "processor", RECORDS),
                dsl=peers.kafka_streams(kafka, "dsl", RECORDS),
                bytewax=peers.python(kafka, "bytewax_window", RECORDS // 5),
                stock_faust=peers.python(kafka, "stock_faust", RECORDS // 10),
            )
            for _ in range(ROUNDS)
        ]


def fill(kafka: KafkaSettings) -> None:
    """Publish the windows of a fleet that reports every 10 s, as fast as the broker takes them."""
    templates = [Template.of(event) for event in devices(DEVICES, RELEASES)]
    with Publisher(kafka, Codec(FileRegistry()), "bench") as publisher:
        for key, value in backlog(templates, RECORDS):
            publisher.publish_bytes(INFERENCE_EVENTS, key, value)


def worker(kafka: KafkaSettings) -> Run:
    """Our worker with the SLO file it ships, checkpoints once a second."""
    with tempfile.TemporaryDirectory() as folder:
        make_keys(Path(folder) / "keys")
        environment = {
            "FLEETLOOP_KAFKA__BOOTSTRAP": kafka.bootstrap,
            "FLEETLOOP_OBJECTS_URL": f"file://{folder}/objects",
            "FLEETLOOP_KEYS_DIR": f"{folder}/keys",
            "FLEETLOOP_CHECKPOINT_INTERVAL_S": "1",
        }
        return run([sys.executable, "-m", "tests.bench.slo_worker", str(RECORDS)], environment)


def main() -> None:
    """Measure and tell everything."""
    try:
        peers = over_peers()
    except PeersMissingError as missing:
        sys.stderr.write(f"left out, the worker against its peers: {missing}\n")
        peers = {}
    keys = slo_keys.measure(slo_keys.KEYS)
    tell("slo", {**peers, **slo_latency.figures(), **slo_restart.figures(), **keys})


if __name__ == "__main__":
    main()
