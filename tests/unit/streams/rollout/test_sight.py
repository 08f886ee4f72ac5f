"""A gate that does not see holds: lag of a source, a feed that went stale, and what is neither."""

from typing import Any, Final

import pytest

from schemas.records import CommandKind, PartialKind
from schemas.topics import INFERENCE_EVENTS, OTA_ACKS
from streams.rollout.findings import findings
from streams.rollout.sight import LAG_S, Sight
from streams.rollout.tally import Tally
from tests.rollout_desk import GENERATIONS, POLICY, Desk, everybody_on_r1, start
from tests.rollout_log import SECOND, START

A: Final = (OTA_ACKS.name, 0)
B: Final = (OTA_ACKS.name, 1)
HOUR: Final = 3_600
WINDOWS_S: Final = 2 * POLICY.rate_window_s


class TwoSources:
    """Two source partitions that tell each second how far they were read."""

    def __init__(self) -> None:
        self.sight = Sight([A, B])
        self.now = START

    def run(self, seconds: int, *sources: tuple[str, int], behind_s: int = 0) -> None:
        """Time passes; the sources named keep up, at most so far behind."""
        for _ in range(seconds):
            self.now += SECOND
            for source in sources:
                self.sight.progress(source, self.now - behind_s * SECOND)


def test_a_source_that_is_not_read_for_five_minutes_lags() -> None:
    two = TwoSources()
    two.run(10, A, B)
    two.run(300, A)
    assert two.sight.lag() is None
    two.run(1, A)
    lag = two.sight.lag()
    assert lag is not None
    assert (lag.told, lag.limit_s) == ("ota-acks/1 was not read for 301 s while others were", LAG_S)
    two.run(1, A, B)
    assert two.sight.lag() is None


def test_a_source_that_was_never_heard_lags_as_well() -> None:
    two = TwoSources()
    two.run(302, A)
    assert two.sight.lag() is not None


def test_a_source_that_is_always_behind_keeps_up_until_it_falls_back_for_good() -> None:
    two = TwoSources()
    for behind_s in range(600):
        two.run(1, A)
        two.run(1, B, behind_s=min(behind_s, 299))
        two.run(1, A)
    assert two.sight.lag() is None
    for _ in range(302):
        two.run(1, A)
        two.sight.progress(B, two.now - 302 * SECOND)
    assert two.sight.lag() is not None


def test_an_hour_without_a_gate_is_no_lag_while_it_catches_up() -> None:
    two = TwoSources()
    two.run(60, A, B)
    two.now += HOUR * SECOND
    two.run(280, A)
    assert two.sight.lag() is None, "B reads its backlog"
    two.run(30, A)
    assert two.sight.lag() is not None, "B is not read"


def test_state_is_kept() -> None:
    two, again = TwoSources(), Sight([A, B])
    two.sight.committed(("r2", "HW3"), START)
    two.sight.reported(("r2", "HW3"), START + 1)
    two.run(301, A)
    again.restore(two.sight.state())
    for sight in (two.sight, again):
        sight.progress(A, two.now + SECOND)
    assert again.lag() == two.sight.lag() is not None
    assert again.reported_us(("r2", "HW3")) == START + 1


class Lagging(Desk):
    """A desk whose counts come from two source partitions."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.tally = Tally(POLICY, [A, B], dict.fromkeys(GENERATIONS, "g"))
        self.gates[0].tally = self.tally

    def wait(self, seconds: float, *sources: int) -> None:
        """These source partitions are read further, both if none is named."""
        self.now += round(seconds * SECOND)
        for number in sources or (0, 1):
            self._include(kind=PartialKind.PROGRESS, release_id="", source_partition=number)


def test_lag_holds_every_open_stratum_with_a_page_and_opens_nothing() -> None:
    desk = Lagging()
    desk.started()
    for _ in range(400):
        desk.wait(1, 0)
    assert desk.turn() == ["HELD HW3", "HELD HW4", "HELD AI5"]
    found = [one for now in desk.gates[0]._situations() for one in findings(now)]
    assert {(one.alertname, one.severity, one.stratum) for one in found} == {
        ("RolloutBlind", "PAGE", stratum) for stratum in ("HW3", "HW4", "AI5")
    }
    assert "ota-acks/1 was not read" in found[0].summary
    desk.order(CommandKind.RESUME, stratum="HW3")
    assert desk.turn() == ["RESUMED HW3", "HELD HW3"], "it is as blind as before"
    desk.wait(1)
    desk.order(CommandKind.RESUME, stratum="HW3")
    assert desk.turn() == ["RESUMED HW3"]
    assert desk.status("HW4") == "HELD", "nobody has looked at that one"


def test_nothing_opens_while_a_source_lags() -> None:
    desk = Lagging()
    desk.propose()
    desk.order(CommandKind.APPROVE)
    desk.wait(1)
    for _ in range(400):
        desk.wait(1, 0)
    assert desk.turn() == ["VERIFIED all", "APPROVED all"]
    desk.wait(1)
    assert desk.turn() == ["WAVE_OPENED all"]


@pytest.fixture
def desk() -> Desk:
    """r2 is open on all strata and runs on five devices of HW3."""
    made = everybody_on_r1()
    start(made)
    made.count("HW3", accepted=5, committed=5)
    return made


def test_devices_that_run_it_and_do_not_report_hold_it(desk: Desk) -> None:
    desk.wait(WINDOWS_S + 60)
    said = desk.turn()
    assert said[0] == "HELD HW3"
    assert "HELD HW4" not in said, "nobody is known to run it there"
    view = desk.book.releases["r2"].strata["HW3"]
    assert (view.unseen, "no device of HW3 reported on it for" in view.reason) == (True, True)
    desk.order(CommandKind.RESUME, stratum="HW3")
    assert "HELD HW3" not in desk.turn(), "two windows more"


def test_devices_that_report_are_seen(desk: Desk) -> None:
    for _ in range(6):
        desk.wait(WINDOWS_S / 2)
        desk.count("HW3", topic=INFERENCE_EVENTS.name, accepted=1)
        desk.turn()
        assert not desk.book.releases["r2"].strata["HW3"].unseen


def test_harm_that_becomes_known_while_it_is_held_is_acted_on(desk: Desk) -> None:
    desk.wait(WINDOWS_S + 60)
    desk.turn()
    desk.count("HW3", accepted=30, committed=5, failed=20)
    assert desk.turn()[0] == "ROLLBACK_ORDERED HW3"
