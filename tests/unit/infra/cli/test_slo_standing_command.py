"""`fleetloop slo list|get|explain|budget`: what they read from a log in memory."""

import json
from typing import Any

import pytest

from infra.cli import slo_standing
from infra.cli.output import Exit
from schemas.facts import Fact
from schemas.signing import Keyring
from schemas.topics import SLO_PARTIALS, TopicSpec
from tests.command_line import fleetloop
from tests.slo_log import SECOND, START_US, Loop, slo, window

KEY = "perception-latency/HW3/release-1"


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Loop:
    """Sixteen seconds of two devices, all late from the eighth on, as the command sees it."""
    made = Loop([slo()])
    for second in range(16):
        end = START_US + (second + 1) * SECOND
        late = 10 if second >= 8 else 0
        for partition in (0, 1):
            made.arrive(partition, [window(f"d{partition}", second, end, late=late)])
        made.pass_time(SECOND)
    for _ in range(8):
        made.pass_time(SECOND)

    def read(_: object, topic: TopicSpec) -> list[Fact]:
        if topic.name != SLO_PARTIALS.name:
            return []
        return [
            Fact(topic=topic.name, partition=at, offset=offset, stamp_us=stamp, record=record)
            for at, held in made.partials.items()
            for offset, (record, stamp) in enumerate(held)
        ]

    monkeypatch.setattr(slo_standing, "read_whole", read)
    monkeypatch.setattr(slo_standing, "load_keyring", lambda _: Keyring({}))
    monkeypatch.setattr(slo_standing, "_slos", lambda *_: tuple(made.slos))
    return made


def answer(*words: str) -> Any:
    result = fleetloop("slo", *words, "-o", "json")
    assert result.exit_code == Exit.OK, result.stderr
    return json.loads(result.stdout)


def test_list_tells_budget_burn_and_alerts_of_every_key(loop: Loop) -> None:
    assert [one.state.value for one in loop.alerts] == ["FIRING"]
    (row,) = answer("list")
    assert row["key"] == KEY
    assert row["alerts"] == "PAGE FIRING"
    # 160 of 320 frames bad against a budget of 1 %.
    assert row["budget_left"] == "-4900.0%"


def test_explain_tells_each_window_and_what_would_clear_it(loop: Loop) -> None:
    told = answer("explain", KEY)
    (tier,) = told["tiers"]
    assert (tier["severity"], tier["factor"], tier["active"]) == ("PAGE", 20.0, True)
    assert tier["long"]["window"] == "20s"
    assert tier["short"]["exceeded"]
    assert tier["short"]["bad_allowed"] == pytest.approx(tier["short"]["events"] / 5)
    assert tier["next"].startswith("clears at 20")
    assert "PAGE FIRING since" in told["alerts"]
    table = fleetloop("slo", "explain", KEY)
    assert "clears at" in table.stdout
    assert len(loop.alerts) == 1


def test_explain_tells_how_many_bad_events_would_fire(
    loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    weaker = slo(min_bad=400)
    monkeypatch.setattr(slo_standing, "_slos", lambda *_: (weaker,))
    (tier,) = answer("explain", KEY)["tiers"]
    assert not tier["active"]
    assert tier["next"] == f"fires with {400 - tier['long']['bad']} more bad events within 5s"
    assert loop.slos


def test_budget_tells_how_long_it_lasts(loop: Loop) -> None:
    (row,) = answer("budget", "perception-latency")
    assert row["budget_left"] == pytest.approx(1 - 160 / 320 / 0.01)
    assert row["lasts_s"] == 0
    missing = fleetloop("slo", "budget", "other")
    assert (missing.exit_code, "fleetloop slo list" in missing.stderr) == (3, True)
    assert loop.slos


def test_get_tells_the_promise_and_an_unknown_name_those_there_are(loop: Loop) -> None:
    told = {row["what"]: row["value"] for row in answer("get", "perception-latency")}
    assert told["promise"] == "99.0000% of the frames within 50ms"
    assert told["page 20s / 5s"] == "burn above 20 in both windows: 20.00% bad"
    wrong = fleetloop("slo", "get", "other")
    assert wrong.exit_code == Exit.CONDITION_NOT_MET
    assert "there are: perception-latency" in wrong.stderr
    assert loop.slos


def test_an_unknown_key_is_answered_with_those_there_are(loop: Loop) -> None:
    wrong = fleetloop("slo", "explain", "perception-latency/HW9/release-1")
    assert wrong.exit_code == Exit.CONDITION_NOT_MET
    assert KEY in wrong.stderr
    loop.partials.clear()
    empty = fleetloop("slo", "list")
    assert empty.exit_code == Exit.CONDITION_NOT_MET
    assert "worker run slo" in empty.stderr
