"""Runs the summing worker as processes of its own, and fills the log that it reads."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from infra.kafka.admin import Admin
from infra.kafka.publisher import Publisher
from infra.settings import KafkaSettings
from infra.topics import apply_all
from schemas.codec import Codec
from schemas.registry import FileRegistry
from schemas.topics import INFERENCE_EVENTS
from tests.summing import Summing, event, stored_totals

ROOT = Path(__file__).resolve().parents[1]
CODEC = Codec(FileRegistry())
POISON_EVERY = 97


@dataclass
class Site:
    """One log, one object store, and the workers on them.

    Attributes:
        kafka: A broker that only this test uses.
    """

    kafka: KafkaSettings
    folder: Path
    sent: int = 0
    produced: int = 0
    poison: int = 0
    _workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _logs: list[IO[bytes]] = field(default_factory=list)

    @property
    def objects_url(self) -> str:
        return f"file://{self.folder}/objects"

    def build(self, version: str = "1") -> str:
        topic_id = Admin(self.kafka).topic_ids([INFERENCE_EVENTS.name])[INFERENCE_EVENTS.name]
        return Summing(version=version).generation(INFERENCE_EVENTS, topic_id)

    def publish(self, count: int, *, extra: int | None = None) -> None:
        """Send valid records with poison among them; `extra` reports that many inferences."""
        now_us = time.time_ns() // 1_000
        with Publisher(self.kafka, CODEC, "filler") as publisher:
            for at in range(self.sent, self.sent + count):
                publisher.publish(
                    INFERENCE_EVENTS, event(at % 200, at // 200, at % 97, now_us=now_us)
                )
                self.produced += at % 97
                if at % POISON_EVERY == 0:
                    publisher.publish_bytes(INFERENCE_EVENTS, b"poison", b"\x00poison")
                    self.poison += 1
            if extra is not None:
                publisher.publish(INFERENCE_EVENTS, event(1, 10**9, extra, now_us=now_us))
        self.sent += count

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start one more worker; arguments as `tests.summing` takes them, version first."""
        log = (self.folder / f"worker-{len(self._workers)}.log").open("wb")
        self._logs.append(log)
        worker = subprocess.Popen(
            [sys.executable, "-m", "tests.summing", *(arguments or ("1",))],
            cwd=ROOT,
            stderr=log,
            env={
                **os.environ,
                "FLEETLOOP_KAFKA__BOOTSTRAP": self.kafka.bootstrap,
                "FLEETLOOP_KAFKA__MEMORY_ONLY": str(self.kafka.memory_only),
                "FLEETLOOP_KAFKA__SESSION_TIMEOUT_S": "6",
                "FLEETLOOP_OBJECTS_URL": self.objects_url,
                "FLEETLOOP_CHECKPOINT_INTERVAL_S": "0.5",
            },
        )
        self._workers.append(worker)
        return worker

    def totals(self, version: str = "1") -> dict[str, int]:
        """Sums over all partitions as stored, with `through`: offsets included."""
        total: Counter[str] = Counter()
        for through, sums in stored_totals(self.objects_url, self.build(version)).values():
            total.update(through=through + 1, records=sums["records"], produced=sums["produced"])
        return dict(total)

    def orders(self, version: str = "1") -> Mapping[int, int]:
        """Digest of values and their order, by partition."""
        stored = stored_totals(self.objects_url, self.build(version))
        return {partition: sums["order"] for partition, (_, sums) in stored.items()}

    def wait_for_all(self, version: str = "1", timeout_s: float = 60.0) -> None:
        """Wait until checkpoints include all that was sent."""
        self.wait_until(
            lambda: self.totals(version).get("through", 0) >= self.sent + self.poison,
            f"{self.sent + self.poison} offsets stored",
            timeout_s,
        )

    def wait_until(self, holds: Callable[[], bool], what: str, timeout_s: float = 60.0) -> None:
        deadline = time.monotonic() + timeout_s
        while not holds():
            if time.monotonic() > deadline:
                raise TimeoutError(f"not after {timeout_s} s: {what}; workers said:\n{self.said()}")
            time.sleep(0.1)

    def said(self) -> str:
        """The end of what each worker wrote."""
        texts: dict[str, str] = defaultdict(str)
        for path in sorted(self.folder.glob("worker-*.log")):
            texts[path.name] = path.read_text()[-2_000:]
        return "\n".join(f"== {name}\n{text}" for name, text in texts.items())

    def expected(self) -> dict[str, int]:
        return {
            "through": self.sent + self.poison,
            "records": self.sent,
            "produced": self.produced,
        }

    def close(self) -> None:
        for worker in self._workers:
            if worker.poll() is None:
                worker.send_signal(signal.SIGKILL)
            worker.wait(10)
        for log in self._logs:
            log.close()


@contextmanager
def site(kafka: KafkaSettings, folder: Path) -> Iterator[Site]:
    """A site on a broker of its own; its workers are gone afterwards."""
    apply_all(Admin(kafka))
    made = Site(kafka, folder)
    try:
        yield made
    finally:
        made.close()
