"""A full disk is named: before a start, when an engine ends of it, and when an insert fails."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from infra.kafka.admin import Admin
from infra.objects import ObjectStore
from infra.stack.child import ChildDiedError
from infra.stack.clickhouse import ClickHouseServer
from infra.stack.clickhouse_http import ClickHouseUnreachableError, ask
from infra.stack.data_dir import DiskFullError
from infra.stack.kafka_broker import KafkaBroker
from infra.stack.spec import StackSpec
from infra.stack.stack import Stack
from infra.stack.supervisor import Supervisor
from tests.engines import needed

pytestmark = pytest.mark.engine


def quiet(_: str) -> None:
    """No progress."""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 160 MiB."""
    if os.geteuid() != 0 or sys.platform != "linux":
        pytest.skip("mounting a small tmpfs needs root on Linux")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", str(disk)], check=False
    )
    if mounted.returncode != 0:
        pytest.skip("this container may not mount a tmpfs")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def fill(disk: Path) -> Path:
    """Leave no room; removing the returned file makes some."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        block = b"\0" * (1 << 16)
        try:
            while True:
                file.write(block)
        except OSError:
            return ballast


def test_it_is_named_before_anything_starts(small_disk: Path) -> None:
    fill(small_disk)
    with (
        pytest.raises(DiskFullError, match=rf"disk of {small_disk}.* is full: 0 KiB free"),
        Stack(StackSpec(), small_disk / "data", progress=quiet),
    ):
        pytest.fail("started on a full disk")


def test_an_object_that_finds_no_room_is_named_and_leaves_nothing(small_disk: Path) -> None:
    store = ObjectStore(f"file://{small_disk}/objects")
    store.put(b"small", kind="frames")
    ballast = fill(small_disk)
    with pytest.raises(OSError, match=r"cannot store object .*frames/.*No space left on device"):
        store.put(b"x" * (1 << 20), kind="frames")
    ballast.unlink()
    assert len(store.list("frames")) == 1


def test_clickhouse_refuses_by_name_and_goes_on_when_there_is_room(
    small_disk: Path, tmp_path: Path
) -> None:
    with Supervisor(tmp_path / "logs") as supervised:
        server = ClickHouseServer(supervised, small_disk / "clickhouse")
        server.start()
        ask(server.settings, "CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a")
        insert = "INSERT INTO t SELECT number FROM numbers(1000000)"
        ballast = fill(small_disk)
        with pytest.raises(ClickHouseUnreachableError, match=r"No space left|NOT_ENOUGH_SPACE"):
            ask(server.settings, insert)
        ballast.unlink()
        ask(server.settings, insert)
        assert ask(server.settings, "SELECT count() FROM t") == "1000000"


@pytest.mark.kafka
def test_a_kafka_that_ends_of_it_is_named(small_disk: Path, tmp_path: Path) -> None:
    with Supervisor(tmp_path / "logs") as supervised:
        server = KafkaBroker(supervised, small_disk / "kafka", progress=quiet)
        needed(server.start)
        Admin(server.settings).create("t", 1, 1, {})
        fill(small_disk)
        producer = Producer({**server.settings.client_config(), "message.timeout.ms": 5000})
        producer.produce("t", value=b"x" * 500_000)
        producer.flush(10)
        with pytest.raises(ChildDiedError, match=rf"kafka ended.*disk of {small_disk}.* is full"):
            _watch(supervised)


def _watch(supervised: Supervisor) -> None:
    """Check until something is found."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        supervised.check()
        time.sleep(0.1)
