"""What is told together, when and why, and that no episode is swallowed."""

import random
from typing import Any

import pytest

from consumers.oncall.group import LastWord
from consumers.oncall.grouping import Groups, Told
from consumers.oncall.holding import Holding
from consumers.oncall.notification import MAX_ALERTS, Notification, Reason
from consumers.oncall.steps import Step
from schemas.records import AlertKind, AlertState, ControlKind, Matcher
from tests import factories
from tests.alert_steps import HW3, MINUTE_US, SECOND_US, plan, step

HW4 = HW3 | {"hardware": "HW4"}
PAGE = HW3 | {"severity": "page"}
NAMES = ("alertname", "hardware", "release_id", "slo")
NOTHING = Holding(())
GONE = AlertState.RESOLVED


def told(groups: Groups, now_us: int, holding: Holding = NOTHING) -> Notification | None:
    """What is due, taken as told."""
    found = groups.due(holding, now_us)
    if found is not None:
        groups.delivered(found, now_us)
    return found


def shape(found: Notification | None) -> tuple[Reason, list[tuple[str, AlertState]]] | None:
    """Reason, and the alerts by hardware."""
    if found is None:
        return None
    return found.reason, [(one.labels["hardware"], one.state) for one in found.alerts]


def silence(holding: Holding, hardware: str, start_us: int, end_us: int) -> None:
    matchers = (Matcher(name="hardware", op="=", value=hardware),)
    holding.control(factories.alert_control(matchers=matchers, start_ts=start_us, end_ts=end_us))


def test_alerts_of_a_group_are_told_together_after_the_wait() -> None:
    groups = plan(*NAMES, wait_us=SECOND_US)
    groups.observe(step(), 10)
    groups.observe(step(HW3 | {"region": "eu"}), 500_000)
    groups.observe(step(HW4), 600_000)
    assert told(groups, SECOND_US + 9) is None
    first = told(groups, SECOND_US + 10)
    assert first is not None
    assert [one.labels.get("region") for one in first.alerts] == [None, "eu"]
    assert first.key == '{}:{alertname="LatencySLOBurn", hardware="HW3", release_id="r3", slo="s"}'
    assert first.reason is Reason.FIRST
    assert told(groups, SECOND_US + 10) is None
    assert shape(told(groups, SECOND_US + 600_000)) == (Reason.FIRST, [("HW4", AlertState.FIRING)])


def test_pages_are_a_group_of_their_own_and_go_before_all_others() -> None:
    groups = plan("slo")
    groups.observe(step(), 0)
    groups.observe(step(PAGE), 5)
    found = groups.due(NOTHING, 10)
    assert found is not None
    assert found.key == '{}/{severity="page"}:{slo="s"}'


def test_the_six_reasons_in_the_life_of_a_group() -> None:
    groups = plan("slo", interval_us=MINUTE_US, repeat_us=10 * MINUTE_US)
    groups.observe(step(), 0)
    seen = [shape(told(groups, 0))]
    groups.observe(step(HW4), 1)
    assert told(groups, MINUTE_US - 1) is None, "the interval is not over"
    seen.append(shape(told(groups, MINUTE_US)))
    seen.append(shape(told(groups, 11 * MINUTE_US)))
    seen.append(shape(told(groups, 12 * MINUTE_US)))
    groups.observe(step(HW4, 1, GONE), 12 * MINUTE_US)
    seen.append(shape(told(groups, 13 * MINUTE_US)))
    groups.observe(step(HW3, 1, GONE), 13 * MINUTE_US)
    seen.append(shape(told(groups, 14 * MINUTE_US)))
    firing, gone = AlertState.FIRING, AlertState.RESOLVED
    assert seen == [
        (Reason.FIRST, [("HW3", firing)]),
        (Reason.NEW_ALERTS, [("HW3", firing), ("HW4", firing)]),
        None,  # ten minutes are not more than ten minutes
        (Reason.REPEAT, [("HW3", firing), ("HW4", firing)]),
        (Reason.SOME_RESOLVED, [("HW3", firing), ("HW4", gone)]),
        (Reason.ALL_RESOLVED, [("HW3", gone)]),
    ]
    assert told(groups, 10**12) is None
    groups.observe(step(HW3, 2), 10**12)
    assert shape(told(groups, 10**12)) == (Reason.FIRST, [("HW3", firing)])


def test_an_episode_that_came_and_went_within_the_wait_is_told_in_two() -> None:
    groups = plan(*NAMES, wait_us=SECOND_US, interval_us=MINUTE_US)
    groups.observe(step(), 0)
    groups.observe(step(HW3, 1, GONE), 1)
    assert shape(told(groups, SECOND_US)) == (Reason.FIRST, [("HW3", AlertState.FIRING)])
    assert shape(told(groups, SECOND_US)) == (Reason.ALL_RESOLVED, [("HW3", GONE)])


def test_without_data_or_held_back_by_the_engine_it_goes_on_and_is_no_news() -> None:
    groups = plan("slo")
    groups.observe(step(), 0)
    told(groups, 0)
    for seq, state in enumerate((AlertState.STALE, AlertState.NO_DATA, AlertState.SUPPRESSED), 1):
        groups.observe(step(HW3, seq, state), seq)
        assert told(groups, seq) is None, state
    groups.observe(step(HW3, 4, GONE), 4)
    assert shape(told(groups, 4)) == (Reason.ALL_RESOLVED, [("HW3", GONE)])


def test_what_is_pending_is_not_told() -> None:
    groups = plan("slo")
    groups.observe(step(state=AlertState.PENDING), 0)
    assert told(groups, 10**9) is None
    groups.observe(step(seq=1), 0)
    assert told(groups, 10**9) is not None


def test_after_a_restart_nothing_is_told_again_until_its_repeat_is_due() -> None:
    groups = plan("slo", interval_us=MINUTE_US, repeat_us=10 * MINUTE_US)
    groups.observe(step(), 0)
    first = told(groups, 0)
    assert first is not None
    known = Told(groups.told, {first.group.identity: LastWord(0)})
    again = plan("slo", interval_us=MINUTE_US, repeat_us=10 * MINUTE_US, told=known)
    again.observe(step(), 3 * MINUTE_US)
    assert told(again, 10 * MINUTE_US) is None
    assert shape(told(again, 11 * MINUTE_US)) == (Reason.REPEAT, [("HW3", AlertState.FIRING)])
    again.observe(step(HW3, 1, GONE), 11 * MINUTE_US)
    assert shape(told(again, 12 * MINUTE_US)) == (Reason.ALL_RESOLVED, [("HW3", GONE)])


def test_history_before_the_very_first_start_is_no_news_but_what_fires_is() -> None:
    groups = plan("slo")
    groups.observe(step(), 0)
    groups.observe(step(HW3, 1, GONE), 0)
    for seq, state in enumerate((AlertState.FIRING, GONE, AlertState.FIRING)):
        groups.observe(step(HW4, seq, state), 0)
    groups.forget_history()
    found = told(groups, 0)
    assert found is not None
    assert [(one.alert.labels["hardware"], one.alert.seq) for one in found.news] == [("HW4", 2)]
    assert sorted(groups.told.values()) == [1, 2]


def test_every_alert_of_a_large_group_is_among_those_told_at_once() -> None:
    groups = plan("slo", interval_us=MINUTE_US)
    many = 2 * MAX_ALERTS + 50
    for number in range(many):
        groups.observe(step(HW3 | {"device": f"{number:04d}"}), 0)
    seen: set[str] = set()
    reasons = []
    while (found := told(groups, 0)) is not None:
        reasons.append(found.reason)
        seen |= {one.labels["device"] for one in found.alerts[:MAX_ALERTS]}
    assert len(seen) == many
    assert reasons == [Reason.FIRST, Reason.NEW_ALERTS, Reason.NEW_ALERTS]


def test_what_is_silenced_is_told_when_the_silence_ends_and_what_was_told_is_not_repeated() -> None:
    groups, holding = plan("slo", interval_us=SECOND_US), Holding(())
    groups.observe(step(HW4), 0)
    told(groups, 0, holding)
    silence(holding, "HW3", 0, 3 * SECOND_US)
    holding.control(
        factories.alert_control(
            control_id="c2",
            start_ts=0,
            end_ts=3 * SECOND_US,
            matchers=(Matcher(name="hardware", op="=~", value="HW[4-9]"),),
        )
    )
    groups.observe(step(), 0)
    assert told(groups, SECOND_US, holding) is None
    assert told(groups, 2 * SECOND_US, holding) is None
    assert shape(told(groups, 3 * SECOND_US, holding)) == (
        Reason.NEW_ALERTS,
        [("HW3", AlertState.FIRING), ("HW4", AlertState.FIRING)],
    )


def test_the_end_of_what_was_told_is_told_under_a_silence_and_what_came_and_went_is_not() -> None:
    groups, holding = plan("slo"), Holding(())
    groups.observe(step(), 0)
    told(groups, 0, holding)
    silence(holding, "HW3", 0, MINUTE_US)
    holding.control(
        factories.alert_control(
            control_id="c2",
            start_ts=0,
            end_ts=MINUTE_US,
            matchers=(Matcher(name="hardware", op="=", value="HW4"),),
        )
    )
    groups.observe(step(HW4), 1)
    assert told(groups, 1, holding) is None
    groups.observe(step(HW3, 1, GONE), 2)
    assert shape(told(groups, 2, holding)) == (Reason.ALL_RESOLVED, [("HW3", GONE)])
    groups.observe(step(HW4, 1, GONE), 3)
    noted = told(groups, 3, holding)
    assert noted is not None
    assert (noted.reason, noted.sent) == (Reason.NONE, False)
    assert groups.told[step(HW4).alert.fingerprint] == 1
    assert list(groups.waiting()) == []


def test_an_acknowledgement_stops_repeats_of_this_episode_and_not_its_end() -> None:
    groups = plan("slo", interval_us=SECOND_US, repeat_us=SECOND_US, acknowledges=True)
    holding = Holding(())
    first = step(stamp_us=5)
    holding.observe(first)
    groups.observe(first, 0)
    told(groups, 0, holding)
    assert shape(told(groups, 2 * SECOND_US, holding)) is not None
    holding.control(
        factories.alert_control(
            kind=ControlKind.ACKNOWLEDGEMENT,
            matchers=(Matcher(name="hardware", op="=", value="HW3"),),
            start_ts=5,
            end_ts=None,
        )
    )
    assert shape(told(groups, 3 * SECOND_US, holding)) == (
        Reason.ACKNOWLEDGED,
        [("HW3", AlertState.FIRING)],
    )
    assert told(groups, MINUTE_US, holding) is None
    for seq, state in ((1, GONE), (2, AlertState.FIRING)):
        later = step(HW3, seq, state, stamp_us=5 + seq)
        holding.observe(later)
        groups.observe(later, MINUTE_US)
        assert told(groups, MINUTE_US + seq * SECOND_US, holding) is not None
    assert shape(told(groups, 2 * MINUTE_US, holding)) == (
        Reason.REPEAT,
        [("HW3", AlertState.FIRING)],
    ), "the next episode is nobody's yet"


def test_an_acknowledgement_does_not_bring_a_groups_next_word_forward() -> None:
    groups = plan("slo", interval_us=MINUTE_US, acknowledges=True)
    holding = Holding(())
    for one in (step(), step(HW3 | {"slo": "t"})):
        holding.observe(one)
        groups.observe(one, 0)
    told(groups, 0, holding)
    groups.observe(step(HW4), 1)
    told(groups, SECOND_US, holding)  # the other group: flushed after the news of the first
    everything = (Matcher(name="hardware", op="=", value="HW3"),)
    holding.control(
        factories.alert_control(
            kind=ControlKind.ACKNOWLEDGEMENT, matchers=everything, start_ts=0, end_ts=None
        )
    )
    reasons = [found.reason for _ in range(3) if (found := told(groups, 2 * SECOND_US, holding))]
    assert reasons == [Reason.ACKNOWLEDGED, Reason.ACKNOWLEDGED]
    found = told(groups, MINUTE_US, holding)
    assert found is not None
    assert found.reason is Reason.NEW_ALERTS


def test_shadows_are_a_group_of_their_own_that_is_noted_and_not_sent() -> None:
    groups = plan("slo")
    groups.observe(step(), 0)
    groups.observe(step(HW4, shadow=True), 0)
    found = [told(groups, 0), told(groups, 0)]
    assert [(one.sent, len(one.alerts)) for one in found if one] == [(True, 1), (False, 1)]


def test_a_watchdog_is_told_on_its_own_route() -> None:
    groups = plan("alertname")
    groups.observe(step({"alertname": "Watchdog"}, kind=AlertKind.WATCHDOG), 0)
    found = told(groups, 0)
    assert found is not None
    assert found.key == '{}/{alertname="Watchdog"}:{alertname="Watchdog"}'


def test_a_receiver_that_does_not_hear_of_ends_is_not_sent_them() -> None:
    groups = plan("slo", send_resolved=False)
    groups.observe(step(), 0)
    groups.observe(step(HW4), 0)
    told(groups, 0)
    groups.observe(step(HW3, 1, GONE), 1)
    groups.observe(step(HW3 | {"region": "eu", "hardware": "HW5"}), 1)
    assert shape(told(groups, 1)) == (
        Reason.NEW_ALERTS,
        [("HW4", AlertState.FIRING), ("HW5", AlertState.FIRING)],
    )
    groups.observe(step(HW4, 1, GONE), 2)
    noted = told(groups, 2)
    assert noted is not None
    assert not noted.sent


def test_the_same_news_has_the_same_id_and_other_news_another() -> None:
    def sent(seq: int) -> str:
        groups = plan("slo")
        groups.observe(step(seq=seq), 0)
        found = told(groups, 0)
        assert found is not None
        return found.notification_id

    assert sent(0) == sent(0)
    assert sent(0) != sent(2)


@pytest.mark.parametrize("seed", range(20))
def test_any_history_is_told_once_in_order_however_the_process_is_restarted(seed: int) -> None:
    """What is told of each alert alternates firing and resolved, each step at most once."""
    rng = random.Random(seed)
    log = list(_history(rng))
    steady, broken = _heard(log, rng, restarts=0), _heard(log, rng, restarts=5)
    assert steady == broken, f"seed {seed}"
    for statuses in steady.values():
        assert statuses == [(at, "firing" if at % 2 == 0 else "resolved") for at in range(10)]


def _history(rng: random.Random) -> Any:
    """Five episodes of each of four alerts, in any order between alerts."""
    left = dict.fromkeys(("HW1", "HW2", "HW3", "HW4"), 0)
    while left:
        hardware = rng.choice(sorted(left))
        seq = left[hardware]
        yield step(HW3 | {"hardware": hardware}, seq, GONE if seq % 2 else AlertState.FIRING)
        left[hardware] += 1
        if left[hardware] == 10:
            del left[hardware]


def _heard(log: list[Step], rng: random.Random, restarts: int) -> dict[str, list[Any]]:
    heard: dict[str, list[Any]] = {}
    cuts = {rng.randrange(len(log)) for _ in range(restarts)}
    groups, now_us = plan("slo", wait_us=5, interval_us=20), 0
    for place, one in enumerate(log):
        groups.observe(one, now_us)
        now_us += rng.randrange(12)
        while (found := told(groups, now_us)) is not None:
            _note(heard, found)
        if place in cuts:
            groups = plan("slo", wait_us=5, interval_us=20, told=Told(groups.told, {}))
            for before in log[: place + 1]:
                groups.observe(before, now_us)
    for _ in range(200):
        now_us += 20
        while (found := told(groups, now_us)) is not None:
            _note(heard, found)
    return heard


def _note(heard: dict[str, list[Any]], found: Notification) -> None:
    for one in found.news:
        status = "firing" if one.open else "resolved"
        heard.setdefault(one.alert.labels["hardware"], []).append((one.alert.seq, status))
