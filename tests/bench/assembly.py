"""`make bench NAME=assembly`: edge cases a second with a million kept embeddings; what is found.

Real Kafka holds the edge cases that are timed; the million before them go the same way, but for
Kafka and Avro. KEPT=100000 in the environment makes it a trial of a minute.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np

from infra.kafka.admin import Admin
from infra.kafka.publisher import Publisher
from infra.settings import KafkaSettings
from infra.stack.kafka_broker import KafkaBroker
from infra.stack.supervisor import Supervisor
from infra.topics import apply_all
from schemas.codec import Codec
from schemas.registry import FileRegistry
from schemas.topics import EDGE_CASES
from tests.bench.assembly_embeddings import Embeddings, base, jittered
from tests.bench.figures import FOLDER, figure, tell
from tests.factories import edge_case, frame

KEPT: Final = int(os.environ.get("KEPT", "1000000"))
COSINE: Final = 0.995
_RECORDS: Final = 60_000
_REPEATED: Final = 0.1  # share of the timed edge cases that are near copies


def main() -> None:
    """Measure and tell."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / "assembly_embeddings.npy"
    real = base()
    np.save(path, real)
    with TemporaryDirectory() as folder:
        (Path(folder) / "broker").mkdir()
        with Supervisor(Path(folder) / "broker") as running:
            server = KafkaBroker(running, Path(folder) / "kafka")
            server.start()
            apply_all(Admin(server.settings))
            publish(server.settings, real)
            told = measured(server.settings, "sift", path)
    found = measured(None, "recall", path, str(COSINE))
    tell(
        "assembly",
        {
            "edge cases judged": figure(told["records"] / told["wall_s"], "records/s", 5_000),
            "edge cases judged, CPU": figure(told["records"] / told["cpu_s"], "records/s", None),
            "range of all kept, judged": figure(KEPT / told["fill_s"], "records/s", None),
            "resident at the peak": figure(told["peak_mb"], "MB", 1_024, at_most=True),
            "embeddings kept": figure(KEPT, "embeddings", None),
            "near ones found of brute force": figure(100 * found["recall"], "%", 95),
            "called near and are not": figure(100 * found["wrong"], "%", None),
            "near ones among those asked": figure(found["near"], "embeddings", None),
            "search alone": figure(found["asked_per_cpu_s"], "records/CPU s", None),
            "left out as near duplicates": figure(
                told["excluded"].get("NEAR_DUPLICATE", 0), "records", None
            ),
        },
    )


def measured(kafka: KafkaSettings | None, what: str, path: Path, *more: str) -> dict[str, Any]:
    """What the measured process says; its memory is its own."""
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    if kafka is not None:
        environment["FLEETLOOP_KAFKA__BOOTSTRAP"] = kafka.bootstrap
    command = [sys.executable, "-m", "tests.bench.assembly_worker", what, str(path), str(KEPT)]
    done = subprocess.run(
        [*command, *more], env=environment, check=True, stdout=subprocess.PIPE, text=True
    )
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def publish(kafka: KafkaSettings, real: Embeddings) -> None:
    """Edge cases, a tenth of them near copies of one another."""
    fresh = jittered(real, _RECORDS, 5, 0.2, 0.6)
    copies = jittered(fresh, _RECORDS, 6, 0.01, 0.05)
    copied = np.random.default_rng(7).uniform(size=_RECORDS) < _REPEATED
    publisher = Publisher(kafka, Codec(FileRegistry()), "bench")
    try:
        for number in range(_RECORDS):
            vector = copies[number] if copied[number] else fresh[number]
            device = f"late-{number % 5_000}"
            case = edge_case(
                event_id=f"{device}/1763769000/{number}",
                device_id=device,
                encounter_id=f"{device}/{number}",
                frame=frame(digest=f"{number + (1 << 40):064x}"),
                margin=number / _RECORDS,
                embedding=tuple(vector.tolist()),
            )
            publisher.publish(EDGE_CASES, case)
        publisher.flush(120)
    finally:
        publisher.close(0)


if __name__ == "__main__":
    main()
