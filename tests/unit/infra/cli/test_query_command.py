"""`fleetloop query` and `fleetloop clickhouse` as a person meets them, without a ClickHouse."""

import json

import pytest

from infra.cli.output import Exit
from infra.clickhouse.queries import stored
from infra.stack.ports import free_port
from tests.command_line import fleetloop

VERBS = ("plan", "apply", "census")


@pytest.fixture(autouse=True)
def nobody_there(monkeypatch: pytest.MonkeyPatch) -> int:
    """Settings that name a port where nothing listens."""
    port = free_port()
    monkeypatch.setenv("FLEETLOOP_CLICKHOUSE__TCP_PORT", str(port))
    return port


def test_the_list_is_json_when_asked_for() -> None:
    result = fleetloop("query", "list", "-o", "json")
    assert result.exit_code == Exit.OK
    assert [row["name"] for row in json.loads(result.stdout)] == list(stored())


def test_show_tells_meaning_to_the_person_and_sql_to_the_pipe() -> None:
    result = fleetloop("query", "show", "release_latency")
    assert result.exit_code == Exit.OK
    assert result.stdout.startswith("SELECT")
    assert "--param hours=...  UInt32, default '24'" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "nosuch"], "no query 'nosuch'; there are:"),
        (["show", "nosuch"], "no query 'nosuch'; there are:"),
        (["run", "release_latency", "--param", "hours"], "write it as name=value"),
        (["run", "release_latency", "--param", "day=1"], "allowed: hours, release"),
    ],
)
def test_a_mistake_is_a_usage_error_that_lists_what_is_allowed(
    arguments: list[str], message: str
) -> None:
    result = fleetloop("query", *arguments)
    assert result.exit_code == Exit.USAGE
    assert message in result.stderr
    assert result.stdout == ""


def test_an_unreachable_clickhouse_is_named_with_its_own_exit_code(nobody_there: int) -> None:
    for words in ("query run completeness", *(f"clickhouse {verb}" for verb in VERBS)):
        result = fleetloop(*words.split())
        assert result.exit_code == Exit.UNREACHABLE, words
        assert f":{nobody_there} does not answer" in result.stderr
