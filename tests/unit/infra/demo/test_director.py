"""The operator approves, proposes the bad release, orders back what is held, each once."""

from typing import Any

import pytest

from infra.demo.director import Act, ActKind, Director
from schemas.facts import Fact
from schemas.records import AlertState, ReleaseKind, Severity
from schemas.topics import ALERTS, OTA_ACKS
from tests import factories
from tests.rollout_log import Log

BACK = {"rollback_to_release_id": "r2", "rollback_to_digest": "a" * 64}


def tell_alert(
    director: Director, seq: int, state: AlertState, release_id: str = "r3", **changes: Any
) -> bool:
    labels = {"alertname": "LatencySLOBurn", "release_id": release_id}
    made = {"severity": Severity.PAGE, "labels": labels, **changes}
    record = factories.alert(seq=seq, state=state, **made)
    return director.observe(
        Fact(topic=ALERTS.name, partition=0, offset=seq, stamp_us=seq, record=record)
    )


def with_two_good_releases() -> tuple[Log, Director]:
    log = Log()
    log.completed("r1", counter=1)
    log.completed("r2", counter=2, parent_release_id="r1")
    return log, Director(log.book)


def test_a_release_is_vouched_for_once_and_approved_once_it_is_verified() -> None:
    log = Log()
    log.propose("r1")
    director = Director(log.book)
    assert director.acts() == [Act(ActKind.VOUCH, "r1")]
    log.must("r1", ReleaseKind.VERIFIED)
    assert director.acts() == [Act(ActKind.APPROVE, "r1")]
    assert director.acts() == []


def test_the_bad_release_is_proposed_after_two_complete_ones() -> None:
    _, director = with_two_good_releases()
    assert director.acts() == [
        Act(ActKind.VOUCH, "r1"),
        Act(ActKind.VOUCH, "r2"),
        Act(ActKind.PROPOSE_BAD, "r2"),
    ]
    assert director.acts() == []
    assert "2 completed releases" in director.missing()


def test_held_generations_are_ordered_back_only_when_another_was_harmed() -> None:
    log, director = with_two_good_releases()
    director.acts()
    log.opened("r3", 0.2, counter=3, parent_release_id="r2")
    log.must("r3", ReleaseKind.HELD, stratum="AI5")
    assert director.acts() == [Act(ActKind.VOUCH, "r3")]
    log.must("r3", ReleaseKind.ROLLBACK_ORDERED, stratum="HW3", **BACK)
    log.must("r3", ReleaseKind.HELD, stratum="HW4")
    assert director.acts() == [
        Act(ActKind.ROLLBACK, "r3", "HW4"),
        Act(ActKind.ROLLBACK, "r3", "AI5"),
    ]


def test_the_story_is_over_when_all_is_back_and_the_page_is_resolved() -> None:
    log, director = with_two_good_releases()
    log.opened("r3", 0.2, counter=3, parent_release_id="r2")
    assert not director.over
    log.must("r3", ReleaseKind.ROLLBACK_ORDERED, **BACK)
    assert "the rollback of r3" in director.missing()
    log.must("r3", ReleaseKind.ROLLBACK_DONE)
    assert not director.over
    assert director.missing() == "a page about the bad release"
    assert tell_alert(director, 0, AlertState.FIRING)
    assert not director.over
    assert director.missing().startswith("the end of")
    assert not tell_alert(director, 5, AlertState.RESOLVED), "not the next step: void"
    assert not director.over
    assert tell_alert(director, 1, AlertState.RESOLVED)
    assert director.missing() == "on-call to be told of the end"
    assert director.over


@pytest.mark.parametrize("severity", [Severity.PAGE, Severity.TICKET])
def test_what_burns_on_another_release_neither_ends_the_story_nor_keeps_it(
    severity: Severity,
) -> None:
    log, director = with_two_good_releases()
    log.opened("r3", 0.2, counter=3, parent_release_id="r2")
    log.must("r3", ReleaseKind.ROLLBACK_ORDERED, **BACK)
    log.must("r3", ReleaseKind.ROLLBACK_DONE)
    other = {"severity": severity, "fingerprint": "another", "release_id": "r2"}
    assert tell_alert(director, 0, AlertState.FIRING, **other)
    assert director.missing() == "a page about the bad release"
    assert tell_alert(director, 0, AlertState.FIRING)
    assert tell_alert(director, 1, AlertState.RESOLVED)
    assert director.over
    assert [one.fingerprint for one in director.unrelated] == ["another"]


def test_an_alert_that_comes_and_goes_brings_the_story_no_further() -> None:
    log, director = with_two_good_releases()
    log.opened("r3", 0.2, counter=3, parent_release_id="r2")
    before = director.stage
    for seq in range(0, 8, 2):
        tell_alert(director, seq, AlertState.FIRING)
        tell_alert(director, seq + 1, AlertState.RESOLVED)
    again = director.stage
    assert again == before
    ack = factories.ota_ack()
    director.observe(Fact(topic=OTA_ACKS.name, partition=0, offset=0, stamp_us=0, record=ack))
    assert director.stage != before
