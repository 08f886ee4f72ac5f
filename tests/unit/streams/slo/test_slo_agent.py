"""The processor: what a rollback ends, whose word counts, and which counts are of which build."""

from dataclasses import replace
from typing import Any

import pytest

from schemas.alert_log import AlertBook
from schemas.decisions import ReleaseBook
from schemas.records import Alert, AlertState, ReleaseKind, Severity
from schemas.topics import INFERENCE_EVENTS, MODEL_RELEASES, SLO_PARTIALS
from streams.slo.agent import SloProcessor
from streams.slo.announcing import Announcer
from streams.slo.burning import BurnFold, SourceTime
from tests.rollout_log import KEYRING, TRAINER, Log, digest_of, follow
from tests.slo_log import (
    MINUTE,
    SECOND,
    START_US,
    Loop,
    batch,
    cell,
    progress,
    slo,
    tier,
    window,
)

RELEASE = "release-1"
TICKET = tier(30 * SECOND, 5 * SECOND, "0.2", severity=Severity.TICKET)


def _firing() -> Loop:
    """HW3 on release-1 was late, then fell silent; HW4 goes on."""
    loop = Loop([slo()], keyring=KEYRING)
    for second in range(1, 40):
        end = START_US + second * SECOND
        if second < 18:
            late = 8 if second > 8 else 0
            loop.arrive(0, [window("dev-0", second, end, late=late)])
        loop.arrive(1, [window("dev-1", second, end, hardware="HW4")])
        loop.pass_time(SECOND)
    assert [alert.state for alert in loop.alerts] == [AlertState.FIRING, AlertState.STALE]
    return loop


def _rollback(loop: Loop, *kinds: ReleaseKind) -> None:
    log = Log()
    log.completed("base")
    log.opened(RELEASE, 1.0, parent_release_id="base")
    back = {"rollback_to_release_id": "base", "rollback_to_digest": digest_of("base")}
    log.must(RELEASE, ReleaseKind.ROLLBACK_ORDERED, stratum="HW3", **back)
    for kind in kinds:
        log.must(RELEASE, kind, stratum="HW3")
    for record, _ in log.records:
        loop.add_fact(MODEL_RELEASES.name, record)


def test_no_data_keeps_it_firing_and_a_finished_rollback_resolves_it() -> None:
    loop = _firing()
    _rollback(loop)
    loop.pass_time(SECOND)
    assert len(loop.alerts) == 2
    loop.checkpoint()
    _rollback(loop, ReleaseKind.ROLLBACK_DONE)
    loop.restart()
    loop.pass_time(SECOND)
    fired, stale, resolved = loop.alerts
    assert (stale.state, stale.reason, stale.ends_at) == (AlertState.STALE, "no_recent_data", None)
    assert (resolved.state, resolved.reason) == (AlertState.RESOLVED, "release_withdrawn")
    assert {alert.alert_id for alert in loop.alerts} == {fired.alert_id}
    assert [alert.seq for alert in loop.alerts] == [0, 1, 2]
    for keep_state in (True, False):
        loop.restart(keep_state=keep_state)
        for _ in range(10):
            loop.pass_time(SECOND)
    assert len(loop.alerts) == 3


def test_a_worker_without_state_still_ends_what_a_rollback_ended() -> None:
    loop = _firing()
    _rollback(loop, ReleaseKind.ROLLBACK_DONE)
    loop.restart(keep_state=False)
    for _ in range(10):
        loop.pass_time(SECOND)
    assert [alert.state for alert in loop.alerts[1:]] == [AlertState.STALE, AlertState.RESOLVED]
    assert loop.alerts[2].reason == "release_withdrawn"


def test_a_rollback_that_is_not_validly_decided_resolves_nothing() -> None:
    loop = _firing()
    log = Log()
    first = log.opened(RELEASE, 1.0)
    forged = follow(first, ReleaseKind.ROLLBACK_DONE, 4, signer=TRAINER, stratum="HW3")
    for record, _ in [*log.records, (forged, 0)]:
        loop.add_fact(MODEL_RELEASES.name, record)
    loop.pass_time(SECOND)
    assert len(loop.alerts) == 2


def test_later_reports_of_a_withdrawn_release_reopen_it_as_another_episode() -> None:
    loop = _firing()
    _rollback(loop, ReleaseKind.ROLLBACK_DONE)
    loop.pass_time(SECOND)
    for second in range(42, 52):
        loop.arrive(0, [window("dev-0", second, START_US + second * SECOND, late=9)])
        loop.pass_time(SECOND)
    assert [(alert.seq, alert.state) for alert in loop.alerts] == [
        (0, AlertState.FIRING),
        (1, AlertState.STALE),
        (2, AlertState.RESOLVED),
        (3, AlertState.FIRING),
    ]
    assert loop.alerts[3].alert_id != loop.alerts[0].alert_id


def test_a_successor_that_reached_everybody_ends_the_alerts_of_its_parent() -> None:
    loop = _firing()
    log = Log()
    log.completed(RELEASE)
    log.opened("release-2", 1.0, counter=2, parent_release_id=RELEASE)
    log.must("release-2", ReleaseKind.COMPLETED, stratum="HW4")
    for record, _ in log.records:
        loop.add_fact(MODEL_RELEASES.name, record)
    loop.pass_time(SECOND)
    assert len(loop.alerts) == 2, "HW3 still runs the parent"
    log.must("release-2", ReleaseKind.COMPLETED, stratum="HW3")
    loop.add_fact(MODEL_RELEASES.name, log.records[-1][0])
    loop.pass_time(SECOND)
    assert loop.alerts[-1].reason == "release_withdrawn"


def test_an_alert_whose_key_is_gone_ends_with_its_release() -> None:
    *_, fired = _firing().alerts
    fold = BurnFold([slo()], "g1", {(RELEASE, "HW3"): fired.starts_at + MINUTE})
    fold.observe(cell(START_US, 10, 0, key={"hardware": "HW4", "release_id": RELEASE}), 0)
    book = AlertBook()
    book.observe(fired)
    announcer = Announcer([slo()], book)
    (ended,) = announcer.news(fold, 2 * SECOND)
    assert (ended.seq, ended.state, ended.reason) == (2, AlertState.RESOLVED, "release_withdrawn")
    assert list(announcer.news(fold, 4 * SECOND)) == []
    book.observe(ended)
    assert list(announcer.news(fold, 6 * SECOND)) == []


def test_an_alert_whose_key_is_gone_without_a_word_goes_on_firing() -> None:
    *_, fired = _firing().alerts
    fold = BurnFold([slo()], "g1", {})
    fold.observe(cell(START_US, 10, 0, key={"hardware": "HW4", "release_id": RELEASE}), 0)
    book = AlertBook()
    book.observe(fired)
    assert list(Announcer([slo()], book).news(fold, 2 * SECOND)) == []


def test_state_is_bound_to_log_and_configuration() -> None:
    one = SloProcessor([slo()], ReleaseBook(KEYRING))
    other = SloProcessor([slo(tier(30 * SECOND, 5 * SECOND, "0.2"))], ReleaseBook(KEYRING))
    counting, burning = INFERENCE_EVENTS, SLO_PARTIALS
    assert one.generation(counting, "a") == other.generation(counting, "a")
    assert one.generation(counting, "a") != one.generation(counting, "b")
    assert one.generation(burning, "a") != other.generation(burning, "a")
    assert one.generation(burning, "a") != one.generation(counting, "a")


def test_what_another_count_tells_is_history_before_it_is_news() -> None:
    """The trace of a new version: its first cells are hours old, and nobody is paged for them."""
    one, other = (SloProcessor([slo()], ReleaseBook(KEYRING)) for _ in range(2))
    one.generation(INFERENCE_EVENTS, "a")
    other.generation(INFERENCE_EVENTS, "b")
    assert one.generation(SLO_PARTIALS, "p") != other.generation(SLO_PARTIALS, "p")


def test_counts_of_another_generation_are_passed_over() -> None:
    told = [
        (cell(START_US, 10, 3), 0),
        (progress(START_US), 1),
        (progress(START_US + 9 * SECOND), 4 * SECOND),
    ]
    alone, beside = BurnFold([slo()], "g1", {}), BurnFold([slo()], "g1", {})
    for record, stamp in told:
        alone.observe(record, stamp)
        beside.observe(replace(record, generation="g2"), stamp)
        beside.observe(record, stamp)
    assert beside.snapshot() == alone.snapshot()
    again = BurnFold([slo()], "g1", {})
    again.restore(alone.snapshot())
    assert again.snapshot() == alone.snapshot()


def test_time_is_that_of_the_last_partition_and_one_that_fell_silent_is_left_out() -> None:
    time = SourceTime()
    time.observe(progress(100 * SECOND, partition=0), 0)
    time.observe(progress(90 * SECOND, partition=1), SECOND)
    assert time.now() is None
    time.observe(progress(101 * SECOND, partition=0), 4 * SECOND)
    assert time.now() == (90 * SECOND, 90 * SECOND)
    time.observe(progress(80 * SECOND, partition=1), 5 * SECOND)
    assert time.now() == (90 * SECOND, 90 * SECOND)
    time.observe(progress(160 * SECOND, partition=0), 64 * SECOND)
    assert time.now() == (90 * SECOND, 90 * SECOND)
    time.observe(progress(161 * SECOND, partition=0), 65 * SECOND)
    assert time.now() == (161 * SECOND, 161 * SECOND)
    time.observe(progress(162 * SECOND, partition=1), 66 * SECOND)
    assert time.now() == (161 * SECOND, 161 * SECOND)


def test_every_alert_record_says_which_runbook_helps() -> None:
    fired, _ = _firing().alerts
    assert isinstance(fired, Alert)
    assert fired.annotations["runbook_url"] == "docs/runbooks/LatencySLOBurn.md"


@pytest.mark.parametrize(
    "over", [{"group_by": ("hardware", "region")}, {"tiers": (TICKET,)}], ids=["group_by", "tiers"]
)
def test_an_alert_that_the_slo_file_no_longer_makes_ends_as_such(over: dict[str, Any]) -> None:
    *_, fired = _firing().alerts
    made = replace(slo(), **over)
    fold = BurnFold([made], "g1", {})
    key = dict.fromkeys(made.group_by, "NOT_STATED")
    fold.observe(cell(fired.watermark, 10, 0, key=key), 0)
    fold.engines[made.name].advance(fired.watermark + 9 * SECOND, 0)
    book = AlertBook()
    book.observe(fired)
    (ended,) = Announcer([made], book).news(fold, 2 * SECOND)
    assert (ended.state, ended.reason) == (AlertState.RESOLVED, "no_longer_watched")


@pytest.mark.parametrize(("first", "partial"), [(0, False), (700, True)])
def test_windows_that_reach_back_before_what_the_log_held_are_partial(
    first: int, partial: bool
) -> None:
    told = [cell(START_US, 10, 9)]
    told += [progress(START_US + second * SECOND) for second in (1, 9)]
    stamps = [START_US + second * SECOND for second in (1, 2, 6)]
    fold = BurnFold([slo()], "g1", {})
    fold.apply(batch(SLO_PARTIALS.name, 0, told, stamps, first))
    again = BurnFold([slo()], "g1", {})
    again.restore(fold.snapshot())
    for one in (fold, again):
        (_, fired), *_ = one.pending
        assert (fired.state, fired.partial) == (AlertState.FIRING, partial)
    # Once the log holds the whole window it is partial no more.
    again.observe(cell(START_US + 60 * SECOND, 10, 9, offset=1), stamps[-1])
    again.observe(progress(START_US + 70 * SECOND), stamps[-1] + SECOND)
    assert not again.pending[-1][1].partial


def test_a_shadow_slo_is_recorded_as_such() -> None:
    loop = Loop([slo(shadow=True)])
    for second in range(1, 20):
        loop.arrive(0, [window("dev-0", second, START_US + second * SECOND, late=8)])
        loop.pass_time(SECOND)
    assert {alert.shadow for alert in loop.alerts} == {True}
