"""Ctrl-C in the middle of the story leaves no process and no port behind."""

import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psutil
import pytest


def listening(connections: Iterable[Any]) -> set[int]:
    """Ports that somebody listens on."""
    return {one.laddr.port for one in connections if one.status == psutil.CONN_LISTEN}


@pytest.mark.engine
def test_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    with subprocess.Popen(
        [sys.executable, "-m", "infra.cli.main", "demo", "--folder", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as demo:
        assert demo.stdout is not None
        told = next(line for line in demo.stdout if "is proposed" in line)
        started = psutil.Process(demo.pid).children(recursive=True)
        ports = {port for process in started for port in listening(process.net_connections("tcp"))}
        demo.send_signal(signal.SIGINT)
        rest = demo.stdout.read()
    assert "perception-1" in told
    assert demo.returncode == 130, rest
    assert "Traceback" not in rest
    assert len(started) >= 10, "broker, ClickHouse, seven workers and the fleet were running"
    assert [process for process in started if process.is_running()] == []
    assert ports
    assert ports.isdisjoint(listening(psutil.net_connections("tcp")))
