"""The Apicurio registry, Confluent-compatible, from Maven artifacts: in memory, on loopback."""

from pathlib import Path
from typing import Final

from infra.stack.child import Child, Tier
from infra.stack.engine import Progress, to_stderr
from infra.stack.maven import fetch, java, pom_version
from infra.stack.ports import LOOPBACK, free_port, require_free
from infra.stack.registry import registry_answers
from infra.stack.supervisor import Supervisor

POM: Final = Path(__file__).with_name("apicurio") / "pom.xml"
_READY_S: Final = 60.0
_STOP_S: Final = 10.0
_SMALL_JVM: Final = ("-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


def apicurio_home(progress: Progress) -> Path:
    """Folder of the unpacked registry, fetched when it is not in the cache yet."""
    return fetch(f"apicurio-{pom_version(POM)}", POM, ["dependency:unpack-dependencies"], progress)


class ApicurioRegistry:
    """One registry on loopback; what it holds is gone when it stops.

    Args:
        supervisor: Runs it. port: To listen on; None takes a free one. progress: Told what
            takes long.
    """

    def __init__(
        self, supervisor: Supervisor, *, port: int | None = None, progress: Progress = to_stderr
    ) -> None:
        self._supervisor = supervisor
        self._progress = progress
        self.port = port if port is not None else free_port()
        self.child: Child | None = None

    @property
    def url(self) -> str:
        """Address of its Confluent-compatible routes."""
        return f"http://{LOOPBACK}:{self.port}/apis/ccompat/v7"

    @property
    def address(self) -> str:
        """The same: what outsiders ask too."""
        return self.url

    @property
    def version(self) -> str:
        """Name and version for reports."""
        return f"apicurio {pom_version(POM)} (in memory)"

    def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            MissingEngineError: Java or Maven is missing.
            PortTakenError: Something else listens on the port.
            ChildDiedError: It ended at once; the message holds its last words.
        """
        runtime = java("the Apicurio registry")
        home = apicurio_home(self._progress)
        require_free(self.port, "the Apicurio registry")
        self.child = self._supervisor.start(
            "apicurio",
            [
                runtime,
                *_SMALL_JVM,
                f"-Dquarkus.http.port={self.port}",
                f"-Dquarkus.http.host={LOOPBACK}",
                *("-jar", str(home / f"apicurio-registry-app-{pom_version(POM)}-runner.jar")),
            ],
            tier=Tier.ENGINE,
            grace_s=_STOP_S,
        )
        self._supervisor.wait_ready(
            self.child, lambda: registry_answers(self.url), timeout_s=_READY_S, what=self.url
        )

    def stop(self) -> None:
        """Stop it; what it held is gone."""
        if self.child is not None:
            self._supervisor.stop(self.child)
