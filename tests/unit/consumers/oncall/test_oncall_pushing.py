"""What an Alertmanager is pushed, and when again."""

from typing import Any

import pytest

from consumers.oncall.alertmanager import BATCH, AlertmanagerReceiver, pushed
from consumers.oncall.delivery import ReceiverRefusedError
from consumers.oncall.holding import Holding
from consumers.oncall.notification import MAX_ALERTS, Notification, Reason
from consumers.oncall.posting import Post
from consumers.oncall.pushing import Pushes
from schemas.alert_log import WATCHDOG_LASTS_US
from schemas.records import AlertKind, AlertState, Matcher
from tests import factories
from tests.alert_steps import HW3, MINUTE_US, SECOND_US, notification, step
from tests.webhook_receiver import webhook_server

GONE = AlertState.RESOLVED
HW4 = HW3 | {"hardware": "HW4"}


def told(pushes: Pushes, now_us: int, holding: Holding | None = None) -> Notification | None:
    found = pushes.due(holding or Holding(()), now_us)
    if found is not None:
        pushes.delivered(found, now_us)
    return found


def reason(found: Notification | None) -> Reason | None:
    return None if found is None else found.reason


def test_news_goes_at_once_what_fires_each_minute_and_an_end_for_a_quarter_of_an_hour() -> None:
    pushes = Pushes({})
    pushes.observe(step(stamp_us=0), 0)
    assert reason(told(pushes, 0)) is Reason.NEW_ALERTS
    assert reason(told(pushes, 1)) is Reason.REFRESH, "the first minute begins with the process"
    assert told(pushes, MINUTE_US) is None
    assert reason(told(pushes, MINUTE_US + 1)) is Reason.REFRESH
    end = 2 * MINUTE_US
    pushes.observe(step(HW3, 1, GONE, stamp_us=end), end)
    assert reason(told(pushes, end)) is Reason.SOME_RESOLVED
    repeats = [at for at in range(3, 30) if reason(told(pushes, at * MINUTE_US)) is Reason.REFRESH]
    assert repeats == list(range(3, 17))


def test_a_restart_pushes_what_fires_and_what_has_just_ended_again_and_tells_no_news() -> None:
    pushes = Pushes({step().alert.fingerprint: 0, step(HW4).alert.fingerprint: 1})
    for one in (step(), step(HW4), step(HW4, 1, GONE, stamp_us=MINUTE_US)):
        pushes.observe(one, 2 * MINUTE_US)
    found = told(pushes, 2 * MINUTE_US)
    assert found is not None
    assert (found.reason, found.news) == (Reason.REFRESH, ())
    assert [one.labels["hardware"] for one in found.alerts] == ["HW3", "HW4"]


def test_what_was_pushed_is_pushed_on_under_a_silence_and_what_was_not_waits() -> None:
    pushes, holding = Pushes({}), Holding(())
    pushes.observe(step(), 0)
    told(pushes, 0)
    holding.control(
        factories.alert_control(
            matchers=(Matcher(name="hardware", op="=~", value="HW.*"),),
            start_ts=0,
            end_ts=2 * MINUTE_US,
        )
    )
    pushes.observe(step(HW4), 1)
    refreshed = told(pushes, MINUTE_US, holding)
    assert refreshed is not None
    assert [one.labels["hardware"] for one in refreshed.alerts] == ["HW3"]
    assert reason(told(pushes, 2 * MINUTE_US, holding)) is Reason.NEW_ALERTS


def test_what_came_and_went_under_a_silence_is_noted_and_never_pushed() -> None:
    pushes, holding = Pushes({}), Holding(())
    holding.control(
        factories.alert_control(
            matchers=(Matcher(name="hardware", op="=", value="HW3"),), start_ts=0, end_ts=SECOND_US
        )
    )
    pushes.observe(step(), 0)
    assert told(pushes, 0, holding) is None
    pushes.observe(step(HW3, 1, GONE), 1)
    assert reason(told(pushes, 2 * SECOND_US, holding)) is Reason.NONE
    assert list(pushes.waiting()) == []


def test_shadows_are_noted_and_never_pushed() -> None:
    pushes = Pushes({})
    pushes.observe(step(shadow=True), 0)
    found = told(pushes, 0)
    assert found is not None
    assert not found.sent
    assert told(pushes, MINUTE_US) is None


def test_a_watchdog_that_no_longer_beats_is_no_longer_pushed() -> None:
    pushes, holding = Pushes({}), Holding(())
    beat = step({"alertname": "Watchdog"}, kind=AlertKind.WATCHDOG)
    holding.observe(beat)
    pushes.observe(beat, 0)
    told(pushes, 0, holding)
    assert reason(told(pushes, WATCHDOG_LASTS_US, holding)) is Reason.REFRESH
    assert told(pushes, WATCHDOG_LASTS_US + 2 * MINUTE_US, holding) is None


def test_history_is_no_news() -> None:
    pushes = Pushes({})
    for one in (step(), step(HW3, 1, GONE), step(HW4)):
        pushes.observe(one, 0)
    pushes.forget_history()
    found = told(pushes, 0)
    assert found is not None
    assert [one.labels["hardware"] for one in found.alerts] == ["HW4"]


def test_of_many_all_are_pushed() -> None:
    pushes = Pushes({})
    for number in range(2 * MAX_ALERTS + 1):
        pushes.observe(step(HW3 | {"device": str(number)}), 0)
    sizes = []
    while (found := told(pushes, 0)) is not None and found.news:
        sizes.append(len(found.news))
    assert sizes == [MAX_ALERTS, MAX_ALERTS, 1]


def test_a_firing_alert_is_said_to_hold_four_minutes_and_an_end_is_never_before_its_start() -> None:
    fields: dict[str, Any] = {"starts_at": 5 * SECOND_US, "annotations": {"summary": "s"}}
    assert pushed(step(HW3 | {"region": ""}, **fields).alert, MINUTE_US) == {
        "labels": HW3,
        "annotations": {"summary": "s"},
        "startsAt": "1970-01-01T00:00:05Z",
        "endsAt": "1970-01-01T00:05:00Z",
    }
    ended = pushed(step(HW3, 1, GONE, ends_at=SECOND_US, **fields).alert, MINUTE_US)
    assert ended["endsAt"] == "1970-01-01T00:00:05Z"


def test_one_refused_batch_does_not_keep_the_others_back() -> None:
    many = [step(HW3 | {"device": str(number)}) for number in range(2 * BATCH + 1)]
    with webhook_server([200, 400]) as server:
        receiver = AlertmanagerReceiver("am", Post(server.url, 5.0), lambda: 0)
        with pytest.raises(ReceiverRefusedError, match="answered 400"):
            receiver.send(notification(*many))
        receiver.close()
        assert [len(body) for body in server.bodies] == [BATCH, BATCH, 1]
