"""A whole stack: what it starts answers, what it leaves is nothing, what fails is named."""

import os
import socket
from pathlib import Path

import httpx
import psutil
import pytest

from infra.kafka.admin import Admin
from infra.settings import Settings
from infra.stack.apicurio import apicurio_home
from infra.stack.child import ChildDiedError
from infra.stack.clickhouse import ClickHouseServer
from infra.stack.health import OK, health
from infra.stack.kafka_broker import kafka_libraries
from infra.stack.maven import java
from infra.stack.ports import LOOPBACK, PortTakenError, listening
from infra.stack.spec import StackSpec
from infra.stack.stack import Stack
from infra.stack.state import published, running_stack
from infra.stack.supervisor import Supervisor
from infra.stack.tansu import TansuBroker
from schemas.topics import TOPICS
from tests.engines import needed

pytestmark = pytest.mark.engine


def quiet(_: str) -> None:
    """No progress."""


def test_inside_the_engines_answer_and_outside_nothing_is_left(tmp_path: Path) -> None:
    with Stack(StackSpec(), tmp_path, progress=quiet) as stack:
        assert set(health(stack.settings).values()) == {OK}
        assert set(stack.engines) == {"broker", "clickhouse", "registry"}
        assert Admin(stack.settings.kafka).names() == set(TOPICS)
        processes = psutil.Process().children(recursive=True)
        clickhouse = stack.settings.clickhouse
        broker_port = int(stack.settings.kafka.bootstrap.split(":")[1])
        ports = [broker_port, clickhouse.tcp_port, clickhouse.http_port]
        assert all(listening(port) for port in ports)
        ours = {child.pid for child in stack.supervisor.children}
        assert stack.peak_rss_mb > 100
    assert not any(listening(port) for port in ports)
    assert not any(one.is_running() for one in processes if one.pid in ours)


def test_a_shell_that_knows_the_last_stacks_keys_folder_gets_keys_there_again(
    tmp_path: Path,
) -> None:
    keys = tmp_path / "keys"
    with Stack(StackSpec(), tmp_path, base=Settings(keys_dir=keys), progress=quiet):
        assert {"keyring.yaml", "director.root.json"} <= {one.name for one in keys.iterdir()}


def test_outsiders_read_the_packaged_schemas_over_http(tmp_path: Path) -> None:
    with Stack(StackSpec(), tmp_path, progress=quiet) as stack:
        address = stack.registry.address
        subjects = httpx.get(f"{address}/subjects").json()
        assert stack.settings.registry_url is None
    assert set(subjects) == {spec.subject for spec in TOPICS.values()}
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{address}/subjects")


@pytest.mark.kafka
def test_a_stack_of_real_engines_has_topics_and_schemas(tmp_path: Path) -> None:
    needed(lambda: (java("real engines"), kafka_libraries(quiet), apicurio_home(quiet)))
    spec = StackSpec(broker="kafka", registry="apicurio")
    with Stack(spec, tmp_path, progress=quiet) as stack:
        assert set(health(stack.settings).values()) == {OK}
        assert Admin(stack.settings.kafka).names() == set(TOPICS)
        subjects = set(httpx.get(f"{stack.registry.address}/subjects").json())
    assert subjects == {spec.subject for spec in TOPICS.values()}


def test_a_worker_gets_the_settings_and_its_death_is_told(tmp_path: Path) -> None:
    with Stack(StackSpec(), tmp_path, progress=quiet) as stack:
        code = "from infra.settings import Settings; print(Settings().model_dump_json())"
        worker = stack.spawn_python("asker", "timeit", "-n1", "-r1", code)
        worker.process.wait(60)
        assert Settings.model_validate_json(worker.tail()[0]) == stack.settings
        with pytest.raises(ChildDiedError, match="asker ended with exit status 0"):
            stack.check()


def test_a_running_stack_is_found_by_its_data_folder(tmp_path: Path) -> None:
    with Stack(StackSpec(), tmp_path, progress=quiet) as stack:
        assert running_stack(tmp_path) is None
        with published(stack) as state:
            found = running_stack(tmp_path)
            assert found == state
            assert found is not None
            assert found.settings() == stack.settings
            assert (tmp_path / "stack.env").stat().st_mode & 0o077 == 0
        assert running_stack(tmp_path) is None


def test_an_engine_that_fails_takes_the_others_down(tmp_path: Path) -> None:
    before = set(psutil.Process().children(recursive=True))
    spec = StackSpec(clickhouse=f"{LOOPBACK}:1:1")
    with (
        pytest.raises(ConnectionError, match=f"ClickHouse at http://{LOOPBACK}:1/"),
        Stack(spec, tmp_path, progress=quiet),
    ):
        pytest.fail("started without its ClickHouse")
    assert set(psutil.Process().children(recursive=True)) <= before


@pytest.mark.parametrize("engine", ["broker", "clickhouse"])
def test_a_taken_port_is_named(engine: str, tmp_path: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as taken, Supervisor(tmp_path) as supervised:
        port = taken.getsockname()[1]
        start = {
            "broker": TansuBroker(supervised, port=port).start,
            "clickhouse": ClickHouseServer(supervised, tmp_path, ports=(port, 1)).start,
        }[engine]
        with pytest.raises(PortTakenError, match=rf"port {port} for .*pid {os.getpid()}"):
            start()
        assert supervised.children == ()
