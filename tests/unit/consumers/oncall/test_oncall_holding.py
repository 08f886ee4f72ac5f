"""What holds what back."""

import pytest

from consumers.oncall.holding import Holding, Inhibition
from consumers.oncall.oncall_file import load
from schemas.alert_controls import matcher
from schemas.alert_log import WATCHDOG_LASTS_US
from schemas.records import AlertKind, AlertState, ControlKind, Matcher
from tests import factories
from tests.alert_steps import HW3, MINUTE_US, step

PAGE = HW3 | {"severity": "page"}
TICKET = HW3 | {"severity": "ticket"}
SHIPPED = [one.inhibition() for one in load(None).inhibit]


def test_a_page_holds_back_the_ticket_of_the_same_key_alone_and_while_it_fires() -> None:
    holding = Holding(SHIPPED)
    ticket = step(TICKET).alert
    assert holding.why(ticket, 0) == ()
    holding.observe(step(PAGE))
    assert holding.why(ticket, 0) == (f"inhibited by {step(PAGE).alert.fingerprint}",)
    assert holding.why(step(TICKET | {"hardware": "HW4"}).alert, 0) == ()
    assert holding.why(step(TICKET | {"region": "eu"}).alert, 0) == ()
    assert holding.why(step(PAGE).alert, 0) == ()
    holding.observe(step(PAGE, 1, AlertState.STALE))
    assert holding.why(ticket, 0) != ()
    holding.observe(step(PAGE, 2, AlertState.RESOLVED))
    assert holding.why(ticket, 0) == ()


@pytest.mark.parametrize(("stage", "held"), [("ingest", True), ("slo", False), ("watch", False)])
def test_what_does_not_arrive_holds_back_a_silent_fleet_and_what_is_not_counted_does_not(
    stage: str, *, held: bool
) -> None:
    holding = Holding(SHIPPED)
    holding.observe(step({"alertname": "PipelineStalled", "severity": "page", "stage": stage}))
    silent = step({"alertname": "FleetSilent", "severity": "page", "region": "eu"}).alert
    assert bool(holding.why(silent, 0)) is held
    assert not holding.why(step({"alertname": "Watchdog", "severity": "info"}).alert, 0)


def test_a_label_that_both_lack_is_equal_and_nobody_holds_back_himself() -> None:
    both = (matcher("alertname=A"),)
    holding = Holding([Inhibition(source=both, target=both, equal=("zone",))])
    holding.observe(step({"alertname": "A", "n": "1"}))
    assert not holding.why(step({"alertname": "A", "n": "1"}).alert, 0)
    assert not holding.why(step({"alertname": "A", "n": "2"}).alert, 0), "both source and target"
    one_way = Holding(
        [Inhibition(source=(matcher("n=1"),), target=(matcher("n=2"),), equal=("zone",))]
    )
    one_way.observe(step({"alertname": "A", "n": "1"}))
    assert one_way.why(step({"alertname": "A", "n": "2"}).alert, 0)
    assert not one_way.why(step({"alertname": "A", "n": "2", "zone": "b"}).alert, 0)


def test_what_is_only_watched_holds_back_nobody_but_its_like() -> None:
    holding = Holding(SHIPPED)
    holding.observe(step(PAGE, shadow=True))
    assert not holding.why(step(TICKET).alert, 0)
    assert holding.why(step(TICKET, shadow=True).alert, 0)


def test_a_watchdog_is_told_while_its_watch_beats() -> None:
    holding = Holding(())
    beat = step({"alertname": "Watchdog"}, kind=AlertKind.WATCHDOG)
    holding.observe(beat)
    assert not holding.why(beat.alert, WATCHDOG_LASTS_US)
    assert holding.why(beat.alert, WATCHDOG_LASTS_US + 1) == ("its watch no longer beats",)
    holding.observe(step({"alertname": "Watchdog"}, 1, stamp_us=MINUTE_US, kind=AlertKind.WATCHDOG))
    assert not holding.why(beat.alert, WATCHDOG_LASTS_US + MINUTE_US)
    assert not holding.why(step().alert, 10**12), "no other alert needs to beat"


def test_the_engine_holds_back_too() -> None:
    assert Holding(()).why(step(state=AlertState.SUPPRESSED).alert, 0) == (
        "suppressed by the engine",
    )


def test_an_acknowledgement_is_of_the_episode_that_is_open() -> None:
    holding = Holding(())
    acked = factories.alert_control(
        kind=ControlKind.ACKNOWLEDGEMENT,
        matchers=(Matcher(name="hardware", op="=", value="HW3"),),
        start_ts=10,
        end_ts=None,
    )
    holding.control(acked)
    alert = step().alert
    assert holding.acknowledged(alert, 20) is None, "nothing is open"
    holding.observe(step(stamp_us=10))
    holding.observe(step(seq=1, state=AlertState.STALE, stamp_us=15))
    assert holding.acknowledged(alert, 20) == acked
    assert holding.why(alert, 20) == (), "it is taken, not silenced"
    holding.observe(step(seq=2, state=AlertState.RESOLVED, stamp_us=16))
    holding.observe(step(seq=3, stamp_us=17))
    assert holding.acknowledged(alert, 20) is None
