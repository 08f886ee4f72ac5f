"""`make bench NAME=manifest`: a dataset of a million examples, from the log to Parquet.

Real Kafka holds a question's edge cases and reviews; the parent manifest holds the other 995,000
examples. Timed is what a worker does that takes a line over at its cut: read and sift the
question's range again, choose, read the reviews, fingerprint the pictures, carry the parent on,
keep near pictures apart, audit the whole, write and store. EXAMPLES=100000 makes it a trial. BLAS
has one thread, as in a worker (`infra.lean.alone`).
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from infra.kafka.admin import Admin
from infra.stack.kafka_broker import KafkaBroker
from infra.stack.supervisor import Supervisor
from infra.topics import apply_all
from tests.bench import manifest_line
from tests.bench.figures import figure, tell


def main() -> None:
    """Measure and tell."""
    examples = int(os.environ.get("EXAMPLES", "1000000"))
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "broker").mkdir()
        with Supervisor(folder / "broker") as running:
            server = KafkaBroker(running, folder / "kafka")
            server.start()
            apply_all(Admin(server.settings))
            manifest_line.publish(server.settings, folder, examples)
            told = measured(server.settings.bootstrap, folder)
    tell(
        "manifest",
        {
            "from the cut to the stored manifest": figure(told["wall_s"], "s", 60, at_most=True),
            "the same, CPU": figure(told["cpu_s"], "s", None),
            "resident at the peak": figure(told["peak_mb"], "MB", 2_048, at_most=True),
            "examples": figure(told["examples"], "examples", None),
            "of these added": figure(told["added"], "examples", None),
            "relations audited": figure(told["checked"], "relations", None),
            "manifest": figure(told["manifest_mb"], "MB", None),
        },
    )


def measured(bootstrap: str, folder: Path) -> dict[str, Any]:
    """What the measured process says; its memory is its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.manifest_worker", str(folder)],
        env={"OPENBLAS_NUM_THREADS": "1"} | os.environ | {"FLEETLOOP_KAFKA__BOOTSTRAP": bootstrap},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    said: dict[str, Any] = json.loads(done.stdout)
    return said


if __name__ == "__main__":
    main()
