"""A broker, an object store, keys and a scenario, with the loop's workers as processes."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from infra.kafka.admin import Admin
from infra.kafka.follower import Follower
from infra.kafka.publisher import Publisher
from infra.keys import make_keys
from infra.objects import ObjectStore
from infra.settings import KafkaSettings
from infra.stack.supervisor import Supervisor
from infra.stack.tansu import TansuBroker
from infra.topics import apply_all
from schemas.codec import Codec
from schemas.registry import FileRegistry
from schemas.topics import TopicSpec

PATIENCE_S = 90.0


class School:
    """Workers as processes on a broker.

    Args:
        environment: Settings beside broker, objects, keys and scenario.

    Attributes:
        folder: Keys, objects, the scenario and what the processes wrote.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        folder: Path,
        scenario: str,
        environment: dict[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.codec = Codec(FileRegistry())
        self.kafka = kafka
        self.objects = ObjectStore(f"file://{folder}/objects")
        self.publisher = Publisher(kafka, self.codec, "test")
        self._started: list[subprocess.Popen[bytes]] = []
        self._environment = environment or {}
        (folder / "scenario.yaml").write_text(scenario)

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Start a command of fleetloop."""
        environment = os.environ | {
            "FLEETLOOP_KAFKA__BOOTSTRAP": self.kafka.bootstrap,
            "FLEETLOOP_KAFKA__MEMORY_ONLY": str(self.kafka.memory_only),
            "FLEETLOOP_OBJECTS_URL": f"file://{self.folder}/objects",
            "FLEETLOOP_KEYS_DIR": str(self.folder / "keys"),
            "FLEETLOOP_SCENARIO_FILE": str(self.folder / "scenario.yaml"),
            **self._environment,
        }
        place = len(self._started)
        with (self.folder / f"{place}-{'-'.join(words)}.log").open("wb") as said:
            self._started.append(
                subprocess.Popen(
                    [sys.executable, "-m", "infra.cli.main", *words],
                    env=environment,
                    stdout=said,
                    stderr=subprocess.STDOUT,
                )
            )
        return self._started[-1]

    def worker(self, name: str) -> subprocess.Popen[bytes]:
        """Start a worker."""
        return self.start("worker", "run", name)

    def read(self, topic: TopicSpec) -> list[Any]:
        """All records of a topic."""
        follower = Follower(self.kafka, self.codec, [topic], "test")
        try:
            return [fact.record for fact in follower.catch_up()]
        finally:
            follower.close()

    def wait(self, holds: Callable[[], bool]) -> None:
        """Until it holds; what the processes said, if it does not in time."""
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.2)

    def said(self) -> str:
        """The end of what each process wrote."""
        return "\n".join(path.read_text()[-2_000:] for path in sorted(self.folder.glob("*.log")))

    def close(self) -> None:
        """Kill what was started."""
        for process in self._started:
            process.kill()
            process.wait()
        self.publisher.close()


@contextmanager
def open_school(
    folder: Path, scenario: str, environment: dict[str, str] | None = None
) -> Iterator[School]:
    """A school on an embedded broker of its own, with all topics and keys."""
    with ExitStack() as stack:
        supervisor = stack.enter_context(Supervisor(folder / "broker"))
        broker = TansuBroker(supervisor)
        broker.start()
        apply_all(Admin(broker.settings))
        make_keys(folder / "keys")
        made = School(broker.settings, folder, scenario, environment)
        stack.callback(made.close)
        yield made
