"""PagerDuty's events and their limits."""

import hashlib
import json

import pytest
from pydantic import SecretStr

from consumers.oncall.notification import Notification, Reason
from consumers.oncall.pagerduty import MAX_EVENT_BYTES, PagerDutyReceiver, event
from consumers.oncall.posting import Post
from schemas.records import AlertState
from tests.alert_steps import HW3, notification, step
from tests.webhook_receiver import webhook_server

KEY = SecretStr("R0UT1NG")
PAGE = HW3 | {"severity": "page"}
TOLD = {
    "summary": "HW3 breaks its promise",
    "runbook_url": "https://runbooks.example/LatencySLOBurn",
    "dashboard_url": "docs/no-address.md",
}


def test_a_page_as_pagerduty_takes_it() -> None:
    found = event(notification(step(PAGE, annotations=TOLD, starts_at=1_500_000)), KEY)
    details = found["payload"].pop("custom_details")
    assert found == {
        "routing_key": "R0UT1NG",
        "event_action": "trigger",
        "dedup_key": hashlib.sha256(b'{}:{slo="s"}').hexdigest(),
        "client": "fleetloop",
        "payload": {
            "summary": "HW3 breaks its promise",
            "source": "s",
            "severity": "critical",
            "timestamp": "1970-01-01T00:00:01.5Z",
            "component": "r3",
            "group": '{}:{slo="s"}',
            "class": "LatencySLOBurn",
        },
        "links": [{"href": TOLD["runbook_url"], "text": "runbook of LatencySLOBurn"}],
    }
    assert details["reason"] == "first notification"
    assert details["alerts"][0]["labels"] == PAGE


@pytest.mark.parametrize(
    ("told", "action"),
    [
        (notification(step()), "trigger"),
        (notification(step(), reason=Reason.REPEAT), "trigger"),
        (notification(step(), reason=Reason.ACKNOWLEDGED), "acknowledge"),
        (notification(step(seq=1, state=AlertState.RESOLVED)), "resolve"),
    ],
)
def test_the_action_follows_the_group(told: Notification, action: str) -> None:
    assert event(told, KEY)["event_action"] == action


def test_the_worst_severity_counts_and_the_others_are_counted() -> None:
    found = event(notification(step(), step(PAGE), step(HW3 | {"severity": "info"})), KEY)
    assert found["payload"]["severity"] == "critical"
    assert found["payload"]["summary"].endswith(" (and 2 more)")


def test_a_summary_is_cut_to_what_is_allowed() -> None:
    long = [step(HW3 | {"n": n}, annotations={"summary": "x" * 5_000}) for n in "ab"]
    summary = event(notification(*long), KEY)["payload"]["summary"]
    assert len(summary) == 1_024
    assert summary.endswith("x (and 1 more)")


@pytest.mark.parametrize(("alerts", "length"), [(100, 20_000), (1, 600_000), (3, 300_000)])
def test_an_event_never_grows_beyond_what_is_allowed(alerts: int, length: int) -> None:
    many = [
        step(HW3 | {"n": f"{n:03d}"}, annotations={"description": "ü" * (length // 6)})
        for n in range(alerts)
    ]
    found = event(notification(*many), KEY)
    assert len(json.dumps(found).encode()) <= MAX_EVENT_BYTES
    details = found["payload"]["custom_details"]
    if "alerts" in details:
        assert len(details["alerts"]) + details.get("not_shown", 0) == alerts
    else:
        assert "512000 bytes" in details["error"]


def test_it_is_posted() -> None:
    with webhook_server([202]) as server:
        receiver = PagerDutyReceiver("pager", Post(server.url, 5.0), KEY)
        assert receiver.send(notification()) == "answered 202"
        receiver.close()
        assert [body["event_action"] for body in server.bodies] == ["trigger"]
    assert "R0UT1NG" not in repr(vars(receiver))
