"""The engines as fixtures: each is started once a session, when a test first asks for it."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infra.settings import ClickHouseSettings, KafkaSettings
from infra.stack.apicurio import ApicurioRegistry
from infra.stack.clickhouse import ClickHouseServer
from infra.stack.clickhouse_http import ask
from infra.stack.engine import MissingEngineError
from infra.stack.kafka_broker import KafkaBroker
from infra.stack.supervisor import Supervisor
from infra.stack.tansu import TansuBroker


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
def broker(supervisor: Supervisor) -> KafkaSettings:
    """The embedded broker, shared: a test uses topic and group names of its own."""
    embedded = TansuBroker(supervisor)
    embedded.start()
    return embedded.settings


@pytest.fixture(scope="session")
def clickhouse_server(supervisor: Supervisor, engine_dir: Path) -> ClickHouseServer:
    """The embedded ClickHouse, with `kill()` and `start()` for tests of crashes."""
    server = ClickHouseServer(supervisor, engine_dir / "clickhouse", database="default_tests")
    server.start()
    return server


@pytest.fixture(scope="session")
def clickhouse(clickhouse_server: ClickHouseServer) -> ClickHouseSettings:
    """How to reach the session's ClickHouse; its database is shared, see `database`."""
    return clickhouse_server.settings


@pytest.fixture
def database(
    clickhouse: ClickHouseSettings, request: pytest.FixtureRequest
) -> Iterator[ClickHouseSettings]:
    """A fresh, empty database of this test's own, dropped at its end."""
    name = re.sub(r"\W+", "_", request.node.name)[:80]
    ask(clickhouse, f"CREATE DATABASE `{name}` ENGINE = Atomic")
    yield clickhouse.model_copy(update={"database": name})
    ask(clickhouse, f"DROP DATABASE `{name}` SYNC")


def needed(start: Callable[[], None]) -> None:
    """Start an engine; where a tool for it is missing, skip, but never in CI."""
    try:
        start()
    except MissingEngineError as missing:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def kafka_server(supervisor: Supervisor, engine_dir: Path) -> KafkaBroker:
    """The session's real Apache Kafka."""
    server = KafkaBroker(supervisor, engine_dir / "kafka")
    needed(server.start)
    return server


@pytest.fixture
def kafka_broker(kafka_server: KafkaBroker) -> KafkaBroker:
    """A real Apache Kafka with `settings`, `kill()` and `start()`; up again for the next test."""
    if kafka_server.child is None or not kafka_server.child.running():
        kafka_server.start()
    return kafka_server


@pytest.fixture(scope="session")
def apicurio_url(supervisor: Supervisor) -> str:
    """Address of the session's Apicurio registry, empty at first."""
    registry = ApicurioRegistry(supervisor)
    needed(registry.start)
    return registry.url
