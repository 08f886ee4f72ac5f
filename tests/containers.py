"""The same engines as containers, for machines with Docker: what fixtures need of them."""

import os
import shutil
import subprocess
from typing import Any, Final, Protocol

from testcontainers.core.container import DockerContainer

from infra.kafka.admin import Admin
from infra.settings import ClickHouseSettings, KafkaSettings
from infra.stack.clickhouse_http import answers, ask
from infra.stack.ports import LOOPBACK, free_port, free_ports, listening
from tests.waiting import until

KAFKA_IMAGE: Final = os.environ.get("FLEETLOOP_TEST_KAFKA_IMAGE", "apache/kafka:4.3.0")
CLICKHOUSE_IMAGE: Final = os.environ.get(
    "FLEETLOOP_TEST_CLICKHOUSE_IMAGE", "clickhouse/clickhouse-server:latest"
)


class Started(Protocol):
    """What the client library gives for a container that was started."""

    def kill(self) -> None:
        """Kill -9."""

    def start(self) -> None:
        """Start again, with the same file system and ports."""

    def reload(self) -> None:
        """Ask again how it stands."""

    @property
    def status(self) -> str:
        """running, exited, ..."""


def images_present() -> bool:
    """Whether a Docker engine answers and has both images: nothing is pulled by itself."""
    if shutil.which("docker") is None:
        return False
    asked = subprocess.run(
        ["docker", "image", "inspect", KAFKA_IMAGE, CLICKHOUSE_IMAGE],
        capture_output=True,
        timeout=30,
        check=False,
    )
    return asked.returncode == 0


def on_loopback(container: DockerContainer, inside: int, outside: int) -> DockerContainer:
    """The container with one more port, which nothing but this machine can reach."""
    container.ports[f"{inside}/tcp"] = (LOOPBACK, outside)  # type: ignore[assignment] # Docker takes an address with the port, this client's own methods do not
    return container


class _Container:
    """One container with fixed loopback ports, so that addresses outlive a kill and a start."""

    def __init__(self, container: DockerContainer) -> None:
        self._container = container
        self._begun = False

    def start(self) -> None:
        """Start it, or start it again after a kill, and wait until it answers."""
        if self._begun:
            self._started.start()
        else:
            self._container.start()
            self._begun = True
        until(self.answers, f"{self._container.image} answers", 120)

    def kill(self) -> None:
        """Kill -9."""
        self._started.kill()

    def running(self) -> bool:
        """Whether it has not ended."""
        self._started.reload()
        return self._started.status == "running"

    def remove(self) -> None:
        """Stop it and throw it away."""
        self._container.stop()

    def answers(self) -> bool:
        """Whether the engine serves."""
        raise NotImplementedError

    @property
    def _started(self) -> Started:
        wrapped: Any = self._container.get_wrapped_container()
        started: Started = wrapped
        return started


class KafkaContainer(_Container):
    """Apache Kafka, one node; the image turns KAFKA_* variables into its properties."""

    def __init__(self) -> None:
        port = free_port()
        self.settings = KafkaSettings(bootstrap=f"{LOOPBACK}:{port}", session_timeout_s=10.0)
        environment = {
            "KAFKA_NODE_ID": "1",
            "KAFKA_PROCESS_ROLES": "broker,controller",
            "KAFKA_LISTENERS": f"PLAINTEXT://:{port},CONTROLLER://:9093",
            "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://{LOOPBACK}:{port}",
            "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
            "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
            "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
            "KAFKA_LOG_MESSAGE_TIMESTAMP_TYPE": "LogAppendTime",
            "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
            "KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS": "4",
            "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
            "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
            "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
            "KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS": "1000",
            "KAFKA_BROKER_SESSION_TIMEOUT_MS": "3000",
            "KAFKA_BROKER_HEARTBEAT_INTERVAL_MS": "500",
        }
        container = on_loopback(DockerContainer(KAFKA_IMAGE), port, port)
        for name, value in environment.items():
            container = container.with_env(name, value)
        super().__init__(container)
        self._admin = Admin(self.settings)

    def answers(self) -> bool:
        """Whether the broker serves."""
        return self._admin.answers()


class ClickHouseContainer(_Container):
    """A stock ClickHouse server."""

    def __init__(self, database: str) -> None:
        tcp, http = free_ports(2)
        self.settings = ClickHouseSettings(
            host=LOOPBACK, tcp_port=tcp, http_port=http, database=database
        )
        container = DockerContainer(CLICKHOUSE_IMAGE).with_env("CLICKHOUSE_SKIP_USER_SETUP", "1")
        super().__init__(on_loopback(on_loopback(container, 9000, tcp), 8123, http))

    def start(self) -> None:
        """Start it with its database."""
        super().start()
        ask(self.settings, f"CREATE DATABASE IF NOT EXISTS `{self.settings.database}`")

    def answers(self) -> bool:
        """Whether both protocols answer."""
        return answers(self.settings) and listening(self.settings.tcp_port)
