"""What on-call is told of silence and stalls, in ingest time, whatever the worker went through."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.alert_log import WATCHDOG_BEAT_US
from schemas.records import AlertState, DeviceClass, Lifecycle
from schemas.topics import DEVICES, INFERENCE_EVENTS, SLO_PARTIALS
from streams.watch import wording
from streams.watch.episodes import Name
from tests.slo_log import SECOND, START_US, batch
from tests.watch_log import PARTITIONS, WatchLoop, registered

FLEET = tuple(f"dev-{number:02}" for number in range(40))
QUIET: Sequence[str] = ()


def _enrolled(devices: Sequence[str] = FLEET, **over: Any) -> WatchLoop:
    loop = WatchLoop()
    for partition in PARTITIONS:
        loop.arrive(partition, [registered(one, **over) for one in devices[partition::2]])
    return loop


def _live(loop: WatchLoop, ticks: int, heard: Sequence[str] = FLEET) -> None:
    """Time passes, and these devices report each 10 s."""
    for _ in range(ticks):
        for partition in PARTITIONS:
            loop.report([one for one in heard if one in FLEET[partition::2]], partition)
        loop.pass_time()


def test_a_fleet_that_stops_is_a_page_then_a_ticket_and_both_end_when_it_returns() -> None:
    loop = _enrolled()
    _live(loop, 6)
    _live(loop, 60, QUIET)
    # Heard last at 50 s: silent beyond 90 s at the tick of 150 s; for a minute, for five minutes.
    assert loop.told("FleetSilent") == [("PAGE", "FIRING", 210), ("TICKET", "FIRING", 450)]
    page = next(one for one in loop.alerts if one.alertname == "FleetSilent")
    assert page.annotations["summary"].startswith("40 of 40 devices of device_class VEHICLE")
    assert len(page.annotations["devices"].split(", ")) == 20
    assert page.starts_at == START_US + 150 * SECOND
    _live(loop, 36)
    assert [row[:2] for row in loop.told("FleetSilent")[2:]] == [
        ("PAGE", "RESOLVED"),
        ("TICKET", "RESOLVED"),
    ]
    assert loop.firing() == set()


@pytest.mark.parametrize(
    ("silent", "severities"),
    [(3, set()), (4, {"TICKET"}), (20, {"TICKET"}), (21, {"PAGE", "TICKET"})],
)
def test_more_than_three_devices_are_a_ticket_and_more_than_half_a_page(
    silent: int, severities: set[str]
) -> None:
    loop = _enrolled()
    _live(loop, 3)
    _live(loop, 45, FLEET[silent:])
    assert {row[0] for row in loop.told("FleetSilent")} == severities


def test_one_in_twenty_of_a_large_fleet_is_no_alert() -> None:
    loop = WatchLoop()
    many = [f"car-{number}" for number in range(100)]
    loop.arrive(0, [registered(one) for one in many])
    for tick in range(48):
        loop.report(many if tick < 3 else many[5:])
        loop.pass_time()
    assert loop.told("FleetSilent") == []


@pytest.mark.parametrize("lifecycle", [Lifecycle.PARKED, Lifecycle.RETIRED, Lifecycle.LOST])
def test_a_device_that_says_goodbye_is_no_silence_and_its_return_is_expected(
    lifecycle: Lifecycle,
) -> None:
    loop = _enrolled()
    _live(loop, 3)
    for partition in PARTITIONS:
        gone = [registered(one, 1, lifecycle=lifecycle) for one in FLEET[partition::2]]
        loop.arrive(partition, gone)
    _live(loop, 60, QUIET)
    assert loop.told("FleetSilent") == []
    back_s = (loop.now_us - START_US) // SECOND
    for partition in PARTITIONS:
        loop.arrive(partition, [registered(one, 2) for one in FLEET[partition::2]])
    _live(loop, 20, QUIET)
    assert loop.told("FleetSilent")[:1] == [("PAGE", "FIRING", back_s + 100 + 60)]


def test_going_home_ends_what_silence_began() -> None:
    loop = _enrolled()
    _live(loop, 3)
    _live(loop, 20, QUIET)
    assert loop.firing() == {"FleetSilent"}
    for partition in PARTITIONS:
        gone = [registered(one, 1, lifecycle=Lifecycle.RETIRED) for one in FLEET[partition::2]]
        loop.arrive(partition, gone)
    _live(loop, 8, QUIET)
    assert loop.firing() == set()


@pytest.mark.parametrize(
    "over",
    [{"slot_a_digest": None}, {"heartbeat_interval_ms": 600_000}],
    ids=["runs no model", "reports each ten minutes"],
)
def test_who_has_nothing_to_report_yet_is_not_silent(over: dict[str, Any]) -> None:
    loop = _enrolled(**over)
    _live(loop, 40, QUIET)
    assert loop.told("FleetSilent") == []


def test_a_new_device_is_missed_from_its_registration_on() -> None:
    loop = _enrolled(FLEET[:20])
    _live(loop, 30, FLEET[:20])
    new_s = (loop.now_us - START_US) // SECOND
    for partition in PARTITIONS:
        loop.arrive(partition, [registered(one) for one in FLEET[20 + partition :: 2]])
    _live(loop, 50, FLEET[:20])
    assert loop.told("FleetSilent") == [("TICKET", "FIRING", new_s + 100 + 300)]


def test_an_absurd_interval_hides_nobody_for_more_than_a_day() -> None:
    loop = _enrolled(heartbeat_interval_ms=10**15)
    _live(loop, 1)
    loop.pass_time(25 * 3_600 * SECOND)
    _live(loop, 10, QUIET)
    assert "FleetSilent" in loop.firing()


def test_a_whole_region_is_told_apart_from_the_rest() -> None:
    loop = WatchLoop()
    regions = {"city": FLEET[:20], "alps": FLEET[20:]}
    for region, devices in regions.items():
        loop.arrive(0, [registered(one, region=region) for one in devices])
    for tick in range(40):
        loop.report(FLEET if tick < 3 else regions["city"])
        loop.pass_time()
    pages = [one for one in loop.alerts if one.alertname == "FleetSilent"]
    assert {one.labels["region"] for one in pages} == {"alps"}


def test_robots_are_a_fleet_of_their_own() -> None:
    loop = _enrolled()
    robots = [f"robot-{number}" for number in range(5)]
    robot: dict[str, Any] = {"device_class": DeviceClass.ROBOT, "hardware": "OPTIMUS_G2"}
    loop.arrive(0, [registered(one, **robot) for one in robots])
    loop.report(robots, 0, **robot)
    _live(loop, 40)
    assert {
        one.labels["device_class"] for one in loop.alerts if one.alertname == "FleetSilent"
    } == {"ROBOT"}


def test_a_canary_that_arrives_says_that_the_fleet_is_silent_and_not_the_pipeline() -> None:
    loop = _enrolled()
    _live(loop, 3)
    _live(loop, 30, QUIET)
    assert loop.firing() == {"FleetSilent"}


def test_no_canary_and_no_device_is_a_stalled_pipeline() -> None:
    loop = _enrolled()
    _live(loop, 3)
    loop.beating = False
    _live(loop, 30, QUIET)
    assert loop.firing() == {"PipelineStalled"}
    stalled = next(one for one in loop.alerts if one.alertname == "PipelineStalled")
    assert stalled.labels == {"alertname": "PipelineStalled", "severity": "page", "stage": "ingest"}
    loop.beating = True
    _live(loop, 20)
    assert loop.firing() == set()


def test_a_canary_that_stops_alone_is_its_own_ticket() -> None:
    loop = _enrolled()
    _live(loop, 3)
    loop.beating = False
    _live(loop, 20)
    assert loop.firing() == {"CanaryMissing"}


def test_counts_that_stop_are_a_stalled_pipeline_though_devices_are_heard() -> None:
    loop = _enrolled()
    _live(loop, 3)
    loop.counting = False
    _live(loop, 12)
    assert loop.firing() == {"PipelineStalled"}
    stalled = next(one for one in loop.alerts if one.alertname == "PipelineStalled")
    assert stalled.labels["stage"] == "slo"
    loop.counting = True
    _live(loop, 3)
    assert loop.firing() == set()


def test_a_worker_that_was_down_for_an_hour_finds_no_silence_where_devices_reported() -> None:
    loop = _enrolled()
    _live(loop, 6)
    loop.checkpoint()
    loop.running = False
    _live(loop, 360)
    loop.restart()
    loop.running = True
    _live(loop, 3)
    assert loop.firing() == set()
    assert {one.alertname for one in loop.alerts} == {"Watchdog"}


def test_nobody_is_blamed_for_an_hour_in_which_everything_was_down() -> None:
    loop = _enrolled()
    _live(loop, 6)
    loop.checkpoint()
    loop.now_us += 3_600 * SECOND
    loop.restart()
    _live(loop, 3)
    _live(loop, 30)
    assert {one.alertname for one in loop.alerts} == {"Watchdog"}


def test_the_watchdog_beats_as_one_episode() -> None:
    loop = _enrolled()
    _live(loop, 100)
    beats = [one for one in loop.alerts if one.alertname == "Watchdog"]
    assert [one.seq for one in beats] == list(range(len(beats)))
    assert {one.alert_id for one in beats} == {beats[0].alert_id}
    assert {after.watermark - before.watermark for before, after in pairwise(beats)} == {
        WATCHDOG_BEAT_US
    }


def test_an_erased_device_leaves_nothing_behind() -> None:
    loop = _enrolled()
    _live(loop, 3)
    fold = loop.folds[DEVICES.name, 0]
    whole = loop.processor.fold(DEVICES.name, 0, fold.snapshot())
    kept = batch(DEVICES.name, 0, [registered("other")], [loop.now_us], 100)
    whole.apply(replace(kept, tombstones=[FLEET[0]]))
    assert FLEET[0] in fold.snapshot().decode()
    assert FLEET[0] not in whole.snapshot().decode()


def test_skewed_clocks_are_a_ticket_by_device_class() -> None:
    loop = _enrolled()
    for _ in range(50):
        for partition in PARTITIONS:
            loop.report(FLEET[partition::2], partition)
        ahead = loop.now_us + 600 * SECOND
        loop.report(["bad-clock"] * 2, 0, window_start=ahead - SECOND, window_end=ahead)
        loop.pass_time()
    assert loop.firing() == {"ClockSkew"}
    skew = next(one for one in loop.alerts if one.alertname == "ClockSkew")
    assert skew.labels["device_class"] == "VEHICLE"


def _undisturbed() -> WatchLoop:
    return _played(lambda _loop, _tick: None)


def _played(disturb: Callable[[WatchLoop, int], None], shuffle: Random | None = None) -> WatchLoop:
    """A story: most of the devices vanish, one of them parks and returns, all come back."""
    loop = _enrolled(FLEET[:12])
    for tick in range(75):
        heard = FLEET[:12] if tick < 6 or tick > 45 else FLEET[8:12]
        if tick == 20:
            loop.arrive(0, [registered(FLEET[0], 1, lifecycle=Lifecycle.PARKED)])
        if tick == 40:
            loop.arrive(0, [registered(FLEET[0], 2)])
        for partition in PARTITIONS:
            order = [one for one in heard if one in FLEET[partition::2]]
            if shuffle is not None:
                shuffle.shuffle(order)
                order += order[: shuffle.randint(0, 5)]  # sent again
            loop.report(order, partition)
        loop.pass_time(split=shuffle)
        disturb(loop, tick)
    return loop


def _steps(loop: WatchLoop) -> list[tuple[str, str, int]]:
    return [*loop.told("FleetSilent"), *loop.told("PipelineStalled"), *loop.told("CanaryMissing")]


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 2**32))
def test_order_repeats_splits_and_restarts_change_no_alert(seed: int) -> None:
    rng = Random(seed)

    def disturb(loop: WatchLoop, tick: int) -> None:
        if rng.random() < 0.1:
            loop.checkpoint()
        if rng.random() < 0.05:  # a crash between the states of two partitions
            loop.checkpoint((rng.choice((DEVICES, INFERENCE_EVENTS, SLO_PARTIALS)).name, 0))
        if tick and rng.random() < 0.08:
            loop.restart()
            loop.work(rng)

    expected = _steps(_undisturbed())
    assert [row[:2] for row in expected] == [
        ("PAGE", "FIRING"),
        ("TICKET", "FIRING"),
        ("PAGE", "RESOLVED"),
    ], expected
    assert _steps(_played(disturb, rng)) == expected, f"seed {seed}"


def test_the_same_log_read_at_once_gives_the_same_alerts() -> None:
    slow, fast = _enrolled(), _enrolled()
    for loop in (slow, fast):
        _live(loop, 3)
        loop.checkpoint()
        loop.running = loop is slow
        _live(loop, 40, QUIET)
        _live(loop, 45)
        loop.running = True
        _live(loop, 1)
    assert len(slow.told("FleetSilent")) == 4
    assert fast.told("FleetSilent") == slow.told("FleetSilent")


def test_ids_are_those_of_the_labels_and_the_step() -> None:
    loop = _enrolled()
    _live(loop, 3)
    _live(loop, 30, QUIET)
    again = _enrolled()
    _live(again, 3)
    _live(again, 30, QUIET)
    assert [one.event_id for one in loop.alerts] == [one.event_id for one in again.alerts]
    page = next(one for one in loop.alerts if one.alertname == "FleetSilent")
    assert page.state is AlertState.FIRING
    name = Name("FleetSilent", page.severity, (("device_class", "VEHICLE"), ("region", "city")))
    assert wording.labels(name) == page.labels
