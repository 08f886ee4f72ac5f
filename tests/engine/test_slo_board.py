"""What reads an SLO's counts from a real ClickHouse: the exported dashboard, and the backtest."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import pytest

from consumers.clickhouse.client import native
from consumers.clickhouse.server import Server
from infra.clickhouse import migrate
from infra.clickhouse.slo_counts import stored
from infra.grafana.slo_board import board
from infra.settings import ClickHouseSettings
from schemas.records import InferenceEvent, Severity
from schemas.topics import ALERTS, INFERENCE_EVENTS
from streams.slo import slo_file
from streams.slo.backtest.episodes import episodes
from streams.slo.backtest.replay import replay
from tests import factories
from tests.fleet_story import store

pytestmark = pytest.mark.engine

MINUTE: Final = 60_000_000
FIRST_US: Final = factories.STAMP_US // MINUTE * MINUTE - 120 * MINUTE
SLOS: Final = slo_file.load(None)


def event(minute: int, name: str = "") -> InferenceEvent:
    """A window of a minute of HW3: 100 frames, from minute 60 on 90 of them late."""
    start_us = FIRST_US + minute * MINUTE
    return factories.inference_event(
        event_id=f"d1/1763769000/{minute}{name}",
        window_start=start_us,
        window_end=start_us + MINUTE // 2,
        late=90 if minute >= 60 else 0,
    )


@pytest.fixture(scope="module")
def told(clickhouse: ClickHouseSettings) -> Iterator[ClickHouseSettings]:
    """A database of its own: an hour and a half of one device, one window sent twice, an alert."""
    own = clickhouse.model_copy(update={"database": "slo_board"})
    migrate.apply(own)
    server = Server(own)
    store(server, INFERENCE_EVENTS, [*(event(minute) for minute in range(90)), event(70)])
    store(server, ALERTS, [factories.alert()])
    server.close()
    yield own
    with native(clickhouse, database="default") as client:
        client.execute("DROP DATABASE slo_board SYNC")


def expanded(sql: str) -> str:
    """The SQL as the data source sends it: macros of grafana-clickhouse-datasource 4."""
    first, last = ((FIRST_US + at * MINUTE) // 1_000_000 for at in (0, 120))
    begin, end = f"toDateTime({first})", f"toDateTime({last})"
    sql = re.sub(r"\$__timeFilter\(([^)]+)\)", rf"\1 >= {begin} AND \1 <= {end}", sql)
    sql = sql.replace("$__fromTime", begin).replace("$__toTime", end)
    return sql.replace("${hardware:singlequote}", "'HW3', 'HW4'")


def queries() -> dict[str, list[str]]:
    """SQL of every panel by title, of the vehicles' SLO."""
    panels: list[dict[str, Any]] = json.loads(board(SLOS[:1]))["panels"]
    return {
        panel["title"]: [target["rawSql"] for target in panel["targets"]]
        for panel in panels
        if panel["type"] != "row"
    }


def ask(settings: ClickHouseSettings, sql: str) -> list[dict[str, Any]]:
    with native(settings) as client:
        rows, columns = client.query(expanded(sql))
    return [dict(zip(columns, row, strict=True)) for row in rows]


def test_every_query_runs_and_no_macro_is_left(told: ClickHouseSettings) -> None:
    made = json.loads(board(SLOS))
    asked = [target["rawSql"] for panel in made["panels"] for target in panel.get("targets", [])]
    assert len(asked) == 2 * (3 + 2 * 4)
    for sql in (*asked, *(one["query"] for one in made["templating"]["list"][1:])):
        assert "$" not in expanded(sql)
        assert ask(told, sql) is not None
    assert len({panel["id"] for panel in made["panels"]}) == len(made["panels"])


def test_the_budget_is_that_of_the_counts(told: ClickHouseSettings) -> None:
    (row,) = ask(told, queries()["budget of 30d"][0])
    assert (row["events"], row["bad_events"]) in {(9_000, 2_700), (9_100, 2_790)}, "a re-send"
    assert row["budget_left"] == pytest.approx(1 - row["bad_events"] / row["events"] / 0.01)


def test_burn_is_drawn_by_window_against_the_factor(told: ClickHouseSettings) -> None:
    long, short = queries()["page: burn over 1h and 5m"]
    last_long, last_short = ask(told, long)[-1], ask(told, short)[-1]
    assert last_short["burn"] == pytest.approx(90)
    # Minutes 30 to 89 are the last hour, half of them bad.
    assert last_long["burn"] == pytest.approx(45, abs=1)
    panel = next(
        one for one in json.loads(board(SLOS[:1]))["panels"] if one["title"].startswith("page: ")
    )
    assert panel["fieldConfig"]["defaults"]["thresholds"]["steps"][1]["value"] == 14.4


def test_the_share_of_bad_frames_is_drawn_by_minute(told: ClickHouseSettings) -> None:
    rows = ask(told, queries()["share of bad frames"][0])
    assert [round(row["bad_share"], 2) for row in rows] == [0.0] * 60 + [0.9] * 30


def test_the_backtest_of_what_is_stored_counts_a_window_sent_twice_once(
    told: ClickHouseSettings,
) -> None:
    slo = SLOS[0]
    rows = stored(told, slo, FIRST_US, FIRST_US + 120 * MINUTE)
    assert (sum(row.total for row in rows), sum(row.bad for row in rows)) == (9_000, 2_700)
    assert rows[0].at_us == FIRST_US + MINUTE // 2, "the end of the bucket that holds the window"
    (page,) = (one for one in episodes(replay(slo, rows)) if one.severity is Severity.PAGE)
    assert page.labels == {"hardware": "HW3", "release_id": "release-1"}
    # The slow pair, above 6 %: of all so far 4 bad minutes of 64 are 5.6 %, 5 of 65 are 6.9 %.
    assert page.start_us == FIRST_US + 64 * MINUTE + MINUTE // 2
    assert stored(told, SLOS[1], FIRST_US, FIRST_US + 120 * MINUTE) == []
