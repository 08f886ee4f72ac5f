"""A worker with 1,000 keys dies by kill -9: how soon the next evaluates, what is lost or twice."""

import os
import signal
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from schemas.records import AlertState
from tests.bench.figures import figure
from tests.bench.peers import broker
from tests.bench.slo_devices import Plan
from tests.slo_site import Site, site
from tests.webhook_receiver import webhook_server

KEYS: Final = 1_000
PLAN: Final = Plan(
    devices=5_000, releases=KEYS, seconds=60.0, bad_from_s=15.0, bad_every_s=0.1, bad_releases=300
)
GOAL_S: Final = 10.0


def figures(plan: Plan = PLAN) -> Mapping[str, Mapping[str, Any]]:
    """Seconds from assignment to the first transition found afterwards, and what went wrong."""
    with (
        broker() as kafka,
        tempfile.TemporaryDirectory() as folder,
        webhook_server() as pager,
        site(kafka, Path(folder), pager) as place,
    ):
        assigned_us = _play(place, plan)
        told = place.transitions()
    fired = Counter(
        alert.labels["release_id"] for _, alert in told if alert.state is AlertState.FIRING
    )
    expected = {f"release-{number:04d}" for number in range(plan.bad_releases)}
    after = min(fact.stamp_us for fact, _ in told if fact.stamp_us >= assigned_us)
    return {
        "restart_evaluating": figure((after - assigned_us) / 1e6, "s", GOAL_S, at_most=True),
        "restart_lost": figure(len(expected - fired.keys()), "transitions", 0, at_most=True),
        "restart_repeated": figure(
            sum(count - 1 for count in fired.values()) + len(fired.keys() - expected),
            "transitions",
            0,
            at_most=True,
        ),
    }


def _play(place: Site, plan: Plan) -> int:
    """Kill the worker while keys turn bad; when the next one was assigned, microseconds."""
    worker = place.start("tests.bench.slo_worker")
    place.wait("the worker is assigned", lambda: "assigned" in place.said(worker))
    fleet = place.start("tests.bench.slo_devices", plan.text())
    place.wait("a third of the keys has fired", lambda: len(place.transitions()) >= 100, 120)
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    again = place.start("tests.bench.slo_worker")
    place.wait("the next worker is assigned", lambda: "assigned" in place.said(again))
    place.wait("the devices are done", lambda: fleet.poll() is not None, plan.seconds + 120)
    place.wait("all keys have fired", lambda: len(place.transitions()) >= plan.bad_releases, 60.0)
    return int(place.said(again).split()[1])
