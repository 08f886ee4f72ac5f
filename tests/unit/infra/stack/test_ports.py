"""Ports: free ones are distinct and usable, a taken one is named with its holder."""

import os
import socket

import pytest

from infra.stack.ports import (
    LOOPBACK,
    PortTakenError,
    free_port,
    free_ports,
    listening,
    require_free,
)


def test_free_ports_are_distinct() -> None:
    assert len(set(free_ports(20))) == 20


def test_a_free_port_can_be_listened_on() -> None:
    port = free_port()
    require_free(port, "a test")
    with socket.create_server((LOOPBACK, port)):
        assert listening(port)
    assert not listening(port)


def test_a_taken_port_is_named_with_purpose_and_holder() -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTakenError) as refused:
            require_free(port, "the broker")
    assert f"port {port} for the broker: taken by" in str(refused.value)
    assert f"(pid {os.getpid()})" in str(refused.value)


def test_a_port_that_was_just_in_use_is_free_again() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection((LOOPBACK, port)):
            accepted, _ = server.accept()
            accepted.close()
    require_free(port, "a test")
