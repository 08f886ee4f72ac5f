"""The embedded ClickHouse as a process: chdb's private start, its clean end, its failure."""

from pathlib import Path

import pytest

from infra.stack.child import ChildDiedError
from infra.stack.clickhouse import ClickHouseServer
from infra.stack.clickhouse_http import ask
from infra.stack.ports import listening
from infra.stack.supervisor import Supervisor

pytestmark = pytest.mark.engine


def test_it_ends_cleanly_and_keeps_what_it_stored(tmp_path: Path) -> None:
    with Supervisor(tmp_path / "logs") as supervised:
        server = ClickHouseServer(supervised, tmp_path / "data", database="kept")
        server.start()
        assert server.version.startswith("clickhouse 26.9")
        ask(server.settings, "CREATE TABLE t ENGINE = MergeTree ORDER BY a AS SELECT 7 AS a")
        ask(server.settings, "CREATE TABLE kept.t ENGINE = MergeTree ORDER BY a AS SELECT 8 AS a")
        child = server.child
        assert child is not None
        server.stop()
        assert child.process.returncode == 0
        assert not listening(server.settings.tcp_port)
        server.start()
        assert ask(server.settings, "SELECT a FROM kept.t") == "8"


def test_a_store_that_cannot_be_used_is_told_in_the_engines_words(tmp_path: Path) -> None:
    store = tmp_path / "data" / "store"
    store.parent.mkdir()
    store.write_text("a file where a folder should be")
    with Supervisor(tmp_path / "logs") as supervised:
        server = ClickHouseServer(supervised, tmp_path / "data")
        with pytest.raises(ChildDiedError, match=r"(?s)clickhouse ended with exit status.*store"):
            server.start()
