"""What is told together, what is news, and that no episode is swallowed."""

from typing import Any

from consumers.oncall.grouping import MAX_ALERTS, Groups, Notification, Step
from schemas.records import Alert, AlertState, Severity
from tests import factories

WAIT_US = 1_000_000
HW3 = {"alertname": "LatencySLOBurn", "slo": "s", "release_id": "r3", "hardware": "HW3"}
HW4 = HW3 | {"hardware": "HW4"}


def step(seq: int, state: AlertState = AlertState.FIRING, **over: Any) -> Step:
    """Step `seq` of an alert."""
    alert: Alert = factories.alert(
        **({"fingerprint": "f1", "seq": seq, "state": state, "labels": HW3, "shadow": False} | over)
    )
    return Step(alert=alert, partition=0, offset=seq, stamp_us=0)


def firing(notification: Notification | None) -> bool:
    assert notification is not None
    return notification.firing


def test_alerts_of_one_release_and_hardware_are_told_together_after_the_wait() -> None:
    groups = Groups(WAIT_US, {})
    groups.observe(step(0), 10)
    groups.observe(step(0, fingerprint="f2", severity=Severity.TICKET), 500_000)
    groups.observe(step(0, fingerprint="f3", labels=HW4), 600_000)
    assert groups.due(WAIT_US + 9) is None
    first = groups.due(WAIT_US + 10)
    assert first is not None
    assert [alert.fingerprint for alert in first.alerts] == ["f1", "f2"]
    assert first.key == (
        '{}:{alertname="LatencySLOBurn", hardware="HW3", release_id="r3", slo="s"}'
    )
    groups.delivered(first)
    assert groups.due(WAIT_US + 10) is None
    second = groups.due(WAIT_US + 600_000)
    assert second is not None
    assert second.labels["hardware"] == "HW4"


def test_a_resolved_alert_is_told_with_those_that_still_fire() -> None:
    groups = Groups(0, {})
    groups.observe(step(0), 0)
    groups.observe(step(0, fingerprint="f2"), 0)
    told = groups.due(0)
    assert told is not None
    groups.delivered(told)
    groups.observe(step(1, AlertState.RESOLVED), 0)
    some = groups.due(0)
    assert some is not None
    assert some.firing
    assert {alert.fingerprint: alert.state for alert in some.alerts} == {
        "f1": AlertState.RESOLVED,
        "f2": AlertState.FIRING,
    }
    groups.delivered(some)
    groups.observe(step(1, AlertState.RESOLVED, fingerprint="f2"), 0)
    last = groups.due(0)
    assert last is not None
    assert (last.firing, [alert.fingerprint for alert in last.alerts]) == (False, ["f2"])
    groups.delivered(last)
    assert groups.due(10**12) is None


def test_an_episode_that_came_and_went_within_the_wait_is_told_in_two() -> None:
    groups = Groups(WAIT_US, {})
    groups.observe(step(0), 0)
    groups.observe(step(1, AlertState.RESOLVED), 1)
    told = groups.due(WAIT_US)
    assert firing(told)
    assert told is not None
    groups.delivered(told)
    assert not firing(groups.due(WAIT_US + 1))


def test_what_was_told_before_a_restart_is_not_told_again() -> None:
    groups = Groups(0, {"f1": 0})
    groups.observe(step(0), 0)
    assert groups.due(0) is None
    groups.observe(step(1, AlertState.RESOLVED), 0)
    told = groups.due(0)
    assert told is not None
    assert [one.alert.seq for one in told.news] == [1]


def test_history_before_the_very_first_start_is_no_news_but_what_fires_is() -> None:
    groups = Groups(0, {})
    groups.observe(step(0), 0)
    groups.observe(step(1, AlertState.RESOLVED), 0)
    groups.observe(step(0, fingerprint="f2"), 0)
    groups.observe(step(1, AlertState.RESOLVED, fingerprint="f2"), 0)
    groups.observe(step(2, fingerprint="f2"), 0)
    groups.forget_history()
    told = groups.due(0)
    assert told is not None
    assert [(one.alert.fingerprint, one.alert.seq) for one in told.news] == [("f2", 2)]
    assert groups.told == {"f1": 1, "f2": 1}


def test_the_end_of_what_was_never_told_and_a_shadow_alert_are_no_news() -> None:
    groups = Groups(0, {"f1": 4})
    groups.observe(step(5, AlertState.RESOLVED), 0)
    groups.observe(step(0, fingerprint="f9", shadow=True), 0)
    assert groups.due(0) is None
    assert list(groups.waiting()) == []
    assert groups.told["f1"] == 5


def test_every_alert_of_a_large_group_is_among_those_told() -> None:
    groups = Groups(0, {})
    for number in range(2 * MAX_ALERTS + 50):
        labels = HW3 | {"severity": f"{number:04d}"}
        groups.observe(step(0, fingerprint=f"f{number}", labels=labels), 0)
    told: list[str] = []
    while (notification := groups.due(0)) is not None:
        sent = notification.alerts[:MAX_ALERTS]
        told += [alert.fingerprint for alert in sent if alert.fingerprint not in told]
        groups.delivered(notification)
    assert sorted(told) == sorted(f"f{number}" for number in range(2 * MAX_ALERTS + 50))


def test_the_same_news_has_the_same_id_and_other_news_another() -> None:
    def sent(seq: int) -> str:
        groups = Groups(0, {})
        groups.observe(step(seq), 0)
        told = groups.due(0)
        assert told is not None
        return told.notification_id

    assert sent(0) == sent(0)
    assert sent(0) != sent(2)
