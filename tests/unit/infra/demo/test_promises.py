"""Each promise of the demo is broken by exactly the finding it is about."""

import copy
from typing import Any

import pytest

from infra.demo.promises import promises
from schemas.decisions import ReleaseView
from schemas.records import ReleaseKind
from tests.rollout_log import Log, evidence

BACK = {"rollback_to_release_id": "r2", "rollback_to_digest": "a" * 64}


def bad_release(*, harmed: str = "HW3") -> ReleaseView:
    log = Log()
    log.completed("r2", counter=2)
    log.opened("r3", 0.2, counter=3, parent_release_id="r2")
    for stratum in ("HW3", "HW4", "AI5"):
        harm = evidence(e_harm=1e9) if stratum == harmed else evidence()
        log.must("r3", ReleaseKind.ROLLBACK_ORDERED, stratum=stratum, evidence=harm, **BACK)
        log.must("r3", ReleaseKind.ROLLBACK_DONE, stratum=stratum)
    return log.book.releases["r3"]


def report() -> dict[str, Any]:
    gain = {"accuracy": {"minus_parent": {"mean": 0.08, "low": 0.05, "high": 0.1}}}
    counts = {"devices_committed": 40, "devices_rolled_back": 40}
    suspects = [
        {"label": label, "value": value, "lift": 9.5}
        for label, value in (("release_id", "r3"), ("hardware", "HW3"), ("region", "north"))
    ]
    page = {"severity": "PAGE", "state": "RESOLVED", "deliveries": 2, "suspects": suspects}
    return {
        "releases": [{"accuracy": None}, gain, counts],
        "devices": {"total": 320, "on_release_2": 320},
        "alerts": [page],
        "topics": [
            {"topic": "alerts", "produced": 2, "stored": 2, "distinct": 2, "distinct_produced": 2}
        ],
        "deaths": {},
        "dead_letters": [{"reason": "AVRO", "expected": 1, "found": 1}],
    }


def broken(changed: dict[str, Any], view: ReleaseView | None) -> list[int]:
    return [n for n, promise in enumerate(promises(changed, view)) if not promise.kept]


def test_a_good_report_keeps_every_promise() -> None:
    assert broken(report(), bad_release()) == []


@pytest.mark.parametrize(
    ("place", "value", "promise"),
    [
        (("releases", 1, "accuracy", "minus_parent", "low"), -0.01, 0),
        (("releases", 2, "devices_committed"), 0, 1),
        (("releases", 2, "devices_rolled_back"), 39, 1),
        (("devices", "on_release_2"), 319, 2),
        (("alerts", 0, "deliveries"), 1, 3),
        (("alerts", 0, "state"), "FIRING", 3),
        (("alerts", 0, "suspects", 0, "value"), "r2", 3),
        (("alerts", 0, "suspects", 1, "value"), "HW4", 3),
        (("topics", 0, "stored"), 3, 4),
        (("topics", 0, "distinct"), 1, 4),
        (("dead_letters", 0, "found"), 0, 5),
        (("dead_letters", 0, "expected"), 0, 5),
    ],
)
def test_a_finding_breaks_its_promise(
    place: tuple[str | int, ...], value: object, promise: int
) -> None:
    changed: Any = copy.deepcopy(report())
    inner = changed
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    assert broken(changed, bad_release()) == [promise]


def test_a_rollback_that_another_generation_harmed_is_not_the_story() -> None:
    assert broken(report(), bad_release(harmed="HW4")) == [1]
    assert broken(report(), None) == [1, 3]


def test_after_a_death_a_repeated_derived_record_is_told_by_its_id() -> None:
    repeated = report()
    repeated["topics"][0] |= {"produced": 3, "stored": 3}
    assert broken(repeated, bad_release()) == [4]
    repeated["deaths"] = {"slo": 1}
    assert broken(repeated, bad_release()) == []
    repeated["topics"][0]["distinct"] = 1
    assert broken(repeated, bad_release()) == [4]
