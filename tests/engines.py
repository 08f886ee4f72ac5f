"""The engines as fixtures: each is started once a session, when a test first asks for it.

FLEETLOOP_TEST_ENGINES chooses what Kafka and ClickHouse are: `local` processes, `containers`, or
`auto` (default): containers when a Docker engine answers and has the images already.
"""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest

from infra.kafka.admin import Admin
from infra.settings import ClickHouseSettings, KafkaSettings
from infra.stack.apicurio import ApicurioRegistry
from infra.stack.clickhouse import ClickHouseServer
from infra.stack.clickhouse_http import ask
from infra.stack.engine import MissingEngineError
from infra.stack.kafka_broker import KafkaBroker
from infra.stack.supervisor import Supervisor
from infra.stack.tansu import TansuBroker
from infra.topics import apply_all

TEST_DATABASE = "default_tests"


class CrashableBroker(Protocol):
    """A real Kafka that a test may kill and start again."""

    settings: KafkaSettings

    def start(self) -> None:
        """Start it, with all that it stored, and wait until it answers."""

    def kill(self) -> None:
        """Kill -9."""

    def running(self) -> bool:
        """Whether it has not ended."""


class CrashableClickHouse(Protocol):
    """A ClickHouse that a test may kill and start again."""

    settings: ClickHouseSettings

    def start(self) -> None:
        """Start it, with all that it stored, and wait until it answers."""

    def kill(self) -> None:
        """Kill -9."""

    def running(self) -> bool:
        """Whether it has not ended."""


@pytest.fixture(scope="session")
def engine_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the session's engines."""
    return tmp_path_factory.mktemp("engines")


@pytest.fixture(scope="session")
def supervisor(engine_dir: Path) -> Iterator[Supervisor]:
    """Runs the session's engines and stops them at its end."""
    with Supervisor(engine_dir / "logs") as running:
        yield running


@pytest.fixture(scope="session")
def on_containers() -> bool:
    """Whether Kafka and ClickHouse run as containers in this session."""
    choice = os.environ.get("FLEETLOOP_TEST_ENGINES", "auto")
    if choice not in ("local", "containers", "auto"):
        raise ValueError(f"FLEETLOOP_TEST_ENGINES={choice!r}: local, containers or auto")
    if choice == "auto":
        from tests.containers import images_present  # noqa: PLC0415 - loads a Docker client

        return images_present()
    return choice == "containers"


@pytest.fixture(scope="session")
def broker(supervisor: Supervisor) -> KafkaSettings:
    """The embedded broker, shared: a test uses topic and group names of its own."""
    embedded = TansuBroker(supervisor)
    embedded.start()
    return embedded.settings


@pytest.fixture(scope="session")
def session_clickhouse(
    supervisor: Supervisor, engine_dir: Path, on_containers: bool
) -> Iterator[CrashableClickHouse]:
    """The session's ClickHouse."""
    if on_containers:
        from tests.containers import ClickHouseContainer  # noqa: PLC0415 - loads a Docker client

        container = ClickHouseContainer(TEST_DATABASE)
        try:
            container.start()
            yield container
        finally:
            container.remove()
        return
    server = ClickHouseServer(supervisor, engine_dir / "clickhouse", database=TEST_DATABASE)
    server.start()
    yield server


@pytest.fixture
def clickhouse_server(session_clickhouse: CrashableClickHouse) -> Iterator[CrashableClickHouse]:
    """A real ClickHouse with `settings`, `kill()` and `start()`; up again for the next test."""
    yield session_clickhouse
    if not session_clickhouse.running():
        session_clickhouse.start()


@pytest.fixture(scope="session")
def clickhouse(session_clickhouse: CrashableClickHouse) -> ClickHouseSettings:
    """How to reach the session's ClickHouse; its database is shared, see `database`."""
    return session_clickhouse.settings


@pytest.fixture
def database(
    clickhouse: ClickHouseSettings, request: pytest.FixtureRequest
) -> Iterator[ClickHouseSettings]:
    """A fresh, empty database of this test's own, dropped at its end."""
    name = re.sub(r"\W+", "_", request.node.name)[:80]
    ask(clickhouse, f"CREATE DATABASE `{name}` ENGINE = Atomic")
    yield clickhouse.model_copy(update={"database": name})
    ask(clickhouse, f"DROP DATABASE `{name}` SYNC")


def needed(start: Callable[[], object]) -> None:
    """Start an engine; where a tool for it is missing, skip, but never in CI."""
    try:
        start()
    except MissingEngineError as missing:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def session_kafka(
    supervisor: Supervisor, engine_dir: Path, on_containers: bool
) -> Iterator[CrashableBroker]:
    """The session's real Apache Kafka."""
    if on_containers:
        from tests.containers import KafkaContainer  # noqa: PLC0415 - loads a Docker client

        container = KafkaContainer()
        try:
            container.start()
            yield container
        finally:
            container.remove()
        return
    server = KafkaBroker(supervisor, engine_dir / "kafka")
    needed(server.start)
    yield server


@pytest.fixture
def kafka_broker(session_kafka: CrashableBroker) -> Iterator[CrashableBroker]:
    """A real Apache Kafka with `settings`, `kill()` and `start()`; up again for the next test."""
    yield session_kafka
    if not session_kafka.running():
        session_kafka.start()


@pytest.fixture
def fresh_kafka(tmp_path: Path) -> Iterator[KafkaSettings]:
    """A real Apache Kafka of the test's own: its topics are there and nothing stands in them."""
    with Supervisor(tmp_path / "logs") as running:
        server = KafkaBroker(running, tmp_path / "kafka")
        needed(server.start)
        apply_all(Admin(server.settings))
        yield server.settings


@pytest.fixture(scope="session")
def apicurio_url(supervisor: Supervisor) -> str:
    """Address of the session's Apicurio registry, empty at first."""
    registry = ApicurioRegistry(supervisor)
    needed(registry.start)
    return registry.url
