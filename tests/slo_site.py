"""SLO worker, notifier and pager as processes on one real Kafka; what they told is read back."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from infra.kafka.follower import Follower
from infra.keys import make_keys
from infra.settings import KafkaSettings
from schemas.alert_log import AlertBook, Verdict
from schemas.codec import Codec
from schemas.facts import Fact
from schemas.records import Alert
from schemas.registry import FileRegistry
from schemas.topics import ALERTS
from tests.oncall_files import oncall_file
from tests.webhook_receiver import WebhookServer

ROOT: Final = Path(__file__).resolve().parents[1]
SLO_FILE: Final = """
apiVersion: openslo/v1
kind: SLO
metadata: {name: perception-latency}
spec:
  service: perception
  budgetingMethod: Occurrences
  objectives: [{target: 0.99, op: lte, value: 50ms}]
  timeWindow: [{duration: 10m, isRolling: true}]
  alerting:
    group_by: [release_id]
    bucket: 1s
    lateness: 1s
    keep_firing_for: {page: 1s}
    tiers: [{severity: page, long: 10s, short: 3s, budget_share: 0.2}]
"""
LATENESS_US: Final = 1_000_000


@dataclass
class Site:
    """The processes of one measurement."""

    kafka: KafkaSettings
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    _started: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _follower: Follower | None = None
    _book: AlertBook = field(default_factory=AlertBook)
    _told: list[tuple[Fact, Alert]] = field(default_factory=list)

    def start(self, name: str, *words: str) -> subprocess.Popen[bytes]:
        """A module as a process; what it says stands in `said(place)`."""
        place = len(self._started)
        out, err = (self.folder / f"{place}.{kind}" for kind in ("out", "err"))
        with out.open("wb") as stdout, err.open("wb") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-m", name, *words],
                cwd=ROOT,
                env=self.environment,
                stdout=stdout,
                stderr=stderr,
            )
        self._started.append(process)
        return process

    def said(self, process: subprocess.Popen[bytes]) -> str:
        """What a process wrote on stdout."""
        return (self.folder / f"{self._started.index(process)}.out").read_text()

    def wait(self, what: str, holds: Callable[[], bool], timeout_s: float = 60.0) -> None:
        """Wait until something holds.

        Raises:
            TimeoutError: It does not; with the last words of the processes.
        """
        deadline = time.monotonic() + timeout_s
        while not holds():
            if time.monotonic() > deadline:
                words = [path.read_text()[-1_000:] for path in sorted(self.folder.glob("*.err"))]
                raise TimeoutError(f"not after {timeout_s} s: {what}\n" + "\n--\n".join(words))
            time.sleep(0.02)

    def transitions(self) -> list[tuple[Fact, Alert]]:
        """The alert records that count, in log order by partition."""
        if self._follower is None:
            self._follower = Follower(self.kafka, Codec(FileRegistry()), [ALERTS], "bench-alerts")
        self._told += [
            (fact, fact.record)
            for fact in self._follower.catch_up(30.0)
            if self._book.observe(fact.record) is Verdict.VALID
        ]
        return self._told

    def close(self) -> None:
        """End every process."""
        if self._follower is not None:
            self._follower.close()
        for process in self._started:
            process.kill()
            process.wait()


@contextmanager
def site(
    kafka: KafkaSettings, folder: Path, pager: WebhookServer, **environment: str
) -> Iterator[Site]:
    """A site on a broker; its processes are gone afterwards."""
    make_keys(folder / "keys")
    (folder / "slo.yaml").write_text(SLO_FILE)
    made = Site(
        kafka,
        folder,
        {
            **os.environ,
            "FLEETLOOP_KAFKA__BOOTSTRAP": kafka.bootstrap,
            "FLEETLOOP_KAFKA__SESSION_TIMEOUT_S": "6",
            "FLEETLOOP_OBJECTS_URL": f"file://{folder}/objects",
            "FLEETLOOP_KEYS_DIR": str(folder / "keys"),
            "FLEETLOOP_SLO_FILE": str(folder / "slo.yaml"),
            "FLEETLOOP_ONCALL_FILE": str(oncall_file(folder, pager.url, ["release_id"])),
            "FLEETLOOP_CHECKPOINT_INTERVAL_S": "1",
            **environment,
        },
    )
    try:
        yield made
    finally:
        made.close()
