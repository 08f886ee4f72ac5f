"""A real Apache Kafka from Maven artifacts: one node on loopback, durable in its data folder."""

import base64
import uuid
from pathlib import Path
from typing import Final

from infra.kafka.admin import Admin
from infra.settings import KafkaSettings
from infra.stack.child import Child, Tier
from infra.stack.data_dir import require_space
from infra.stack.engine import MissingEngineError, Progress, to_stderr
from infra.stack.maven import fetch, java, pom_version, run_tool
from infra.stack.ports import LOOPBACK, free_ports, require_free
from infra.stack.supervisor import Supervisor

FILES: Final = Path(__file__).with_name("kafka")
POM: Final = FILES / "pom.xml"
# After a kill -9 the old registration must expire first.
_READY_S: Final = 90.0
_STOP_S: Final = 30.0
# On loopback no network is slow: a killed worker is replaced sooner than by the default.
_SESSION_S: Final = 10.0
_FORMAT_S: Final = 60.0
_SMALL_JVM: Final = ("-Xmx512m", "-Xms128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


def kafka_libraries(progress: Progress) -> Path:
    """Folder of Kafka's jars, fetched when they are not in the cache yet."""
    return fetch(f"kafka-{pom_version(POM)}", POM, ["dependency:copy-dependencies"], progress)


class KafkaBroker:
    """One real broker; what it stored stays in `data_dir` and is there at the next start.

    Args:
        supervisor: Runs it. data_dir: Its own folder. port: For clients; None takes a free one.
        progress: Told what takes long.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        data_dir: Path,
        *,
        port: int | None = None,
        progress: Progress = to_stderr,
    ) -> None:
        self._supervisor = supervisor
        self._dir = data_dir.absolute()
        self._progress = progress
        free = free_ports(2)
        self.port, self._controller_port = port if port is not None else free[0], free[1]
        self.settings = KafkaSettings(
            bootstrap=f"{LOOPBACK}:{self.port}", session_timeout_s=_SESSION_S
        )
        self.child: Child | None = None

    @property
    def version(self) -> str:
        """Name and version for reports."""
        return f"apache kafka {pom_version(POM)}"

    def start(self) -> None:
        """Format its folder at the first start, start it and wait until it answers.

        Raises:
            MissingEngineError: Java or Maven is missing, or the folder cannot be formatted.
            PortTakenError: Something else listens on the port.
            DiskFullError: There is no room in its folder.
            ChildDiedError: It ended at once; the message holds its last words.
        """
        runtime = java("Apache Kafka")
        libraries = kafka_libraries(self._progress)
        require_free(self.port, "Apache Kafka")
        require_space(self._dir)
        properties = self._write_properties()
        if not (self._dir / "log" / "meta.properties").exists():
            self._format(runtime, libraries, properties)
        self.child = self._supervisor.start(
            "kafka",
            [
                runtime,
                *_SMALL_JVM,
                f"-Dlog4j2.configurationFile={FILES / 'log4j2.yaml'}",
                *("-cp", f"{libraries}/*"),
                "kafka.Kafka",
                str(properties),
            ],
            tier=Tier.ENGINE,
            grace_s=_STOP_S,
            store=self._dir,
        )
        admin = Admin(self.settings)
        self._supervisor.wait_ready(
            self.child, admin.answers, timeout_s=_READY_S, what=self.settings.bootstrap
        )

    def stop(self) -> None:
        """Stop it cleanly."""
        if self.child is not None:
            self._supervisor.stop(self.child)

    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self.child is not None and self.child.running()

    def kill(self) -> None:
        """Kill -9, for tests of crashes; `start` brings it back with all that it stored."""
        if self.child is not None:
            self._supervisor.kill(self.child)

    def _write_properties(self) -> Path:
        listeners = (
            f"PLAINTEXT://{LOOPBACK}:{self.port},CONTROLLER://{LOOPBACK}:{self._controller_port}"
        )
        own = {
            "controller.quorum.voters": f"1@{LOOPBACK}:{self._controller_port}",
            "listeners": listeners,
            "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{self.port}",
            "log.dirs": str(self._dir / "log"),
        }
        properties = self._dir / "server.properties"
        lines = (f"{key}={value}\n" for key, value in own.items())
        properties.write_text((FILES / "server.properties").read_text() + "".join(lines))
        return properties

    def _format(self, runtime: str, libraries: Path, properties: Path) -> None:
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        self._progress(f"formatting Kafka's folder {self._dir}")
        command = [
            *(runtime, *_SMALL_JVM, "-cp", f"{libraries}/*", "kafka.tools.StorageTool"),
            *("format", f"--cluster-id={cluster}", "-c", str(properties)),
        ]
        done = run_tool("Apache Kafka", command, timeout_s=_FORMAT_S)
        if done.returncode != 0:
            said = (done.stdout + done.stderr).strip()[-600:]
            raise MissingEngineError(f"Kafka's folder {self._dir} cannot be formatted: {said}")
