"""Other programs that do the same job on the same topic: how they are found, run and measured.

They stand in the folder `peers` of FLEETLOOP_SHARED. The libraries of those in Python have a venv
of their own, whose Python PEERS_PYTHON names; those in Java need a JDK and Maven.
"""

import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import psutil

from infra.kafka.admin import Admin
from infra.settings import KafkaSettings
from infra.stack.kafka_broker import KafkaBroker
from infra.stack.supervisor import Supervisor
from infra.topics import apply_all
from schemas.topics import INFERENCE_EVENTS
from schemas.versions import PACKAGED

ROOT: Final = Path(__file__).resolve().parents[2]
PEERS: Final = Path(os.environ.get("FLEETLOOP_SHARED", str(ROOT.parent / "shared"))) / "peers"
CACHE: Final = Path.home() / ".cache" / "fleetloop"
LIBRARIES: Final = ("faust-streaming", "bytewax", "fastavro", "confluent-kafka", "cramjam")
TIMEOUT_S: Final = 300.0
SAMPLE_S: Final = 0.05
_RATE: Final = re.compile(r": (\d+) records/s")


class PeersMissingError(RuntimeError):
    """The programs to compare with are not there."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one program did: records a second, the most memory it held, CPU of all its threads."""

    rate: float
    resident_mb: float
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Job:
    """What every peer is asked to do; names of fields, separated by commas."""

    group: str
    time: str
    sums: str


@dataclass(frozen=True, slots=True)
class Peers:
    """The programs, ready to be run.

    Attributes:
        interpreter: Python with their libraries.
    """

    job: Job
    interpreter: Path
    schema: Path = PACKAGED / INFERENCE_EVENTS.name / "1.avsc"

    @classmethod
    def found(cls, job: Job) -> Self:
        """Find the programs and install what they need.

        Raises:
            PeersMissingError: They are not there.
        """
        if not PEERS.is_dir():
            raise PeersMissingError(f"no folder {PEERS}; name the one in FLEETLOOP_SHARED")
        return cls(job, _interpreter())

    def python(self, kafka: KafkaSettings, name: str, records: int) -> Run:
        """Run one of the programs in Python."""
        asked = {
            "brokers": kafka.bootstrap,
            "topic": INFERENCE_EVENTS.name,
            "records": str(records),
            "schema": str(self.schema),
            "group": self.job.group,
            "time": self.job.time,
            "sum": self.job.sums,
        }
        words = [part for key, value in asked.items() for part in (f"--{key}", value)]
        return run([str(self.interpreter), str(PEERS / f"{name}.py"), *words], {})

    def kafka_streams(self, kafka: KafkaSettings, mode: str, records: int) -> Run:
        """Run Kafka Streams, `mode` dsl or processor, with one thread."""
        place = _compiled()
        words = [kafka.bootstrap, INFERENCE_EVENTS.name, str(records), str(self.schema)]
        words += [self.job.group, self.job.time, self.job.sums, mode, "1"]
        return run(["java", "-cp", f"{place}/libs/*:{place}", "Peer", *words], {})


@contextmanager
def broker() -> Iterator[KafkaSettings]:
    """A real Kafka of the benchmark's own."""
    with tempfile.TemporaryDirectory() as folder, Supervisor(Path(folder) / "logs") as running:
        server = KafkaBroker(running, Path(folder) / "kafka")
        server.start()
        apply_all(Admin(server.settings))
        yield server.settings


def run(command: Sequence[str], environment: Mapping[str, str]) -> Run:
    """Run a program that says its rate on stdout, and watch its memory.

    Raises:
        RuntimeError: It said no rate.
    """
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=said,
        )
        watch = _Watch(process.pid)
        try:
            out = process.communicate(timeout=TIMEOUT_S)[0].decode()
        finally:
            process.kill()
        found = _RATE.search(out)
        if found is None:
            said.seek(0)
            raise RuntimeError(f"{command[:3]} said no rate: {said.read().decode()[-2_000:]}")
    resident = watch.peak / 2**20
    sys.stderr.write(f"{out.strip()}, {resident:.0f} MB, {watch.cpu_s:.1f} s of CPU\n")
    return Run(float(found.group(1)), resident, watch.cpu_s)


class _Watch(threading.Thread):
    """Samples the resident memory and CPU time of a process until it is gone."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid, self.peak, self.cpu_s = pid, 0, 0.0
        self.start()

    def run(self) -> None:
        """Sample; a process that has gone ends it."""
        gone = threading.Event()
        try:
            process = psutil.Process(self._pid)
            while not gone.wait(SAMPLE_S):
                self.peak = max(self.peak, process.memory_info().rss)
                self.cpu_s = sum(process.cpu_times()[:2])
        except psutil.Error:
            return


def _interpreter() -> Path:
    named = os.environ.get("PEERS_PYTHON")
    if named:
        return Path(named)
    python = CACHE / "peers" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(CACHE / "peers")], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *LIBRARIES], check=True)
    return python


def _compiled() -> Path:
    """Folder of the program in Java and the libraries it needs."""
    place, source = CACHE / "kafka-streams-peer", PEERS / "kafka_streams"
    place.mkdir(parents=True, exist_ok=True)
    if not (place / "libs").is_dir():
        pom, libraries = source / "pom.xml", f"-DoutputDirectory={place}/libs"
        fetch = ["mvn", "-q", "-B", "-f", str(pom), "dependency:copy-dependencies", libraries]
        subprocess.run(fetch, check=True, stdout=sys.stderr)
    if not (place / "Peer.class").is_file():
        java = ["javac", "-cp", f"{place}/libs/*", "-d", str(place), str(source / "Peer.java")]
        subprocess.run(java, check=True)
    return place
