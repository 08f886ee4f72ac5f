"""Steps of alerts for tests of the notifier, and the plan of a receiver with short waits."""

from collections.abc import Mapping
from typing import Any

from consumers.oncall.grouping import OTHERS, Groups, Routing, Timing, Told
from consumers.oncall.notification import GroupName, Notification, Reason, ordered
from consumers.oncall.steps import Step
from schemas import alert_log
from schemas.records import Alert, AlertState, Severity
from tests import factories

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HW3 = {"alertname": "LatencySLOBurn", "slo": "s", "release_id": "r3", "hardware": "HW3"}


def step(
    labels: Mapping[str, str] = HW3,
    seq: int = 0,
    state: AlertState = AlertState.FIRING,
    stamp_us: int = 0,
    **over: Any,
) -> Step:
    """Step `seq` of the alert with these labels; its severity stands in them, TICKET without."""
    severity = Severity(labels.get("severity", "ticket").upper())
    fields: dict[str, Any] = {
        "fingerprint": alert_log.fingerprint(labels),
        "labels": labels,
        "alertname": labels["alertname"],
        "severity": severity,
        "seq": seq,
        "state": state,
    }
    alert: Alert = factories.alert(**(fields | over))
    return Step(alert=alert, partition=0, offset=seq, stamp_us=stamp_us)


def notification(*steps: Step, reason: Reason = Reason.FIRST) -> Notification:
    """A notification that tells these steps, or one step, first."""
    told = steps or (step(),)
    return Notification(
        group=GroupName(route=OTHERS, labels=(("slo", "s"),), shadow=False),
        reason=reason,
        alerts=ordered(told, ()),
        news=told,
        firing=any(one.open for one in told),
    )


def plan(
    *group_by: str,
    wait_us: int = 0,
    interval_us: int = 0,
    repeat_us: int = 10**15,
    told: Told | None = None,
    send_resolved: bool = True,
    acknowledges: bool = False,
) -> Groups:
    """A receiver's plan, with the same timing for pages and all others."""
    timing = Timing(wait_us=wait_us, interval_us=interval_us, repeat_us=repeat_us)
    return Groups(
        Routing(group_by=group_by, page=timing, ticket=timing, watchdog=timing),
        told or Told({}, {}),
        send_resolved=send_resolved,
        acknowledges=acknowledges,
    )
