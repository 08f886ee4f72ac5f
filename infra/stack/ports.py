"""Loopback ports: free ones from the kernel, and a name for whoever holds a taken one."""

import contextlib
import socket
from contextlib import ExitStack
from typing import Final

import psutil

LOOPBACK: Final = "127.0.0.1"


class PortTakenError(OSError):
    """Something else listens on the port."""


def free_ports(count: int) -> list[int]:
    """Distinct loopback ports that were free a moment ago, chosen by the kernel."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind((LOOPBACK, 0))
        return [int(one.getsockname()[1]) for one in sockets]


def free_port() -> int:
    """One loopback port that was free a moment ago."""
    return free_ports(1)[0]


def require_free(port: int, purpose: str) -> None:
    """Make sure that a port can be listened on.

    Raises:
        PortTakenError: It cannot; the message names the port, what it is for and who holds it.
    """
    with socket.socket() as probe:
        # Engines set it too: a connection in TIME_WAIT does not make a port taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            raise PortTakenError(
                error.errno,
                f"port {port} for {purpose}: taken by {holder(port)}; "
                "stop that program or choose another port",
            ) from error


def holder(port: int) -> str:
    """Name of the process that listens on a port, as far as this user may know it."""
    with contextlib.suppress(psutil.AccessDenied):
        for found in psutil.net_connections("tcp"):
            if found.laddr and found.laddr.port == port and found.status == psutil.CONN_LISTEN:
                return _name(found.pid)
    return "a process this user may not see"


def listening(port: int, host: str = LOOPBACK) -> bool:
    """Whether something accepts connections there."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((host, port)) == 0


def _name(pid: int | None) -> str:
    if pid is None:
        return "a process this user may not see"
    try:
        return f"{psutil.Process(pid).name()} (pid {pid})"
    except psutil.Error:
        return f"pid {pid}"
