"""Embedded ClickHouse: the whole engine of the chdb wheel, in a process of its own on loopback."""

import importlib.util
import os
import sys
from pathlib import Path
from typing import Final

from infra.settings import ClickHouseSettings
from infra.stack import clickhouse_server
from infra.stack.child import Child, Tier
from infra.stack.clickhouse_http import answers, ask, server_version
from infra.stack.data_dir import require_space
from infra.stack.engine import MissingEngineError
from infra.stack.ports import LOOPBACK, free_ports, listening, require_free
from infra.stack.supervisor import Supervisor

_READY_S: Final = 30.0
_STOP_S: Final = 35.0
_PACKAGES: Final = Path(__file__).parents[2]

# A development machine's sizes: a stock server would take 5 GiB of caches and 90 % of the memory.
_CONFIG: Final = """<clickhouse>
  <listen_host>{host}</listen_host>
  <tcp_port>{tcp}</tcp_port>
  <http_port>{http}</http_port>
  <max_server_memory_usage>{memory}</max_server_memory_usage>
  <mark_cache_size>33554432</mark_cache_size>
  <index_mark_cache_size>33554432</index_mark_cache_size>
  <primary_index_cache_size>33554432</primary_index_cache_size>
</clickhouse>
"""
_MEMORY_BYTES: Final = 2 * 1024**3


class ClickHouseServer:
    """One embedded server; what it stored stays in `data_dir` and is there at the next start.

    Args:
        supervisor: Runs it. data_dir: Its own folder. ports: TCP and HTTP; None takes free ones.
        database: Made at the start, so that clients may name it when they connect.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        data_dir: Path,
        *,
        ports: tuple[int, int] | None = None,
        database: str = "fleetloop",
    ) -> None:
        self._supervisor = supervisor
        self._dir = data_dir.absolute()
        tcp, http = ports or free_ports(2)
        self.settings = ClickHouseSettings(
            host=LOOPBACK, tcp_port=tcp, http_port=http, database=database
        )
        self.child: Child | None = None

    @property
    def version(self) -> str:
        """Name and version for reports."""
        return f"clickhouse {server_version(self.settings)} (embedded)"

    def start(self) -> None:
        """Start it and wait until both protocols answer.

        Raises:
            MissingEngineError: The wheel is not installed.
            PortTakenError: Something else listens on a port.
            DiskFullError: There is no room in its folder.
            ChildDiedError: It ended at once; the message holds its last words.
        """
        _require_wheel()
        for port, name in ((self.settings.tcp_port, "TCP"), (self.settings.http_port, "HTTP")):
            require_free(port, f"embedded ClickHouse ({name})")
        require_space(self._dir)
        home = self._write_home()
        self.child = self._supervisor.start(
            "clickhouse",
            [sys.executable, "-m", clickhouse_server.__name__, str(self._dir)],
            env={**os.environ, "HOME": str(home), "PYTHONPATH": python_path()},
            tier=Tier.ENGINE,
            grace_s=_STOP_S,
            store=self._dir,
        )
        self._supervisor.wait_ready(
            self.child,
            self._ready,
            timeout_s=_READY_S,
            what=f"{LOOPBACK}:{self.settings.tcp_port} and {self.settings.http_port}",
        )
        self._make_database()

    def stop(self) -> None:
        """Stop it cleanly."""
        if self.child is not None:
            self._supervisor.stop(self.child)

    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self.child is not None and self.child.running()

    def kill(self) -> None:
        """Kill -9, for tests of crashes."""
        if self.child is not None:
            self._supervisor.kill(self.child)

    def _ready(self) -> bool:
        return answers(self.settings) and listening(self.settings.tcp_port)

    def _write_home(self) -> Path:
        config = self._dir / clickhouse_server.HOME / ".clickhouse-local" / "config.xml"
        config.parent.mkdir(parents=True, exist_ok=True)
        config.write_text(
            _CONFIG.format(
                host=LOOPBACK,
                tcp=self.settings.tcp_port,
                http=self.settings.http_port,
                memory=_MEMORY_BYTES,
            )
        )
        return config.parent.parent

    def _make_database(self) -> None:
        ask(
            self.settings,
            f"CREATE DATABASE IF NOT EXISTS `{self.settings.database}` ENGINE = Atomic",
        )


def python_path() -> str:
    """PYTHONPATH under which a child finds these packages, installed or not."""
    return os.pathsep.join(filter(None, (str(_PACKAGES), os.environ.get("PYTHONPATH"))))


def _require_wheel() -> None:
    if importlib.util.find_spec("chdb") is None:
        raise MissingEngineError(
            "embedded ClickHouse: the wheel chdb is not installed; "
            "pip install 'fleetloop[embedded]' or name a server with --clickhouse"
        )
