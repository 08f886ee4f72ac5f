"""What people are told of a rollout, and when it ends."""

import pytest

from schemas.alert_log import AlertBook, Verdict
from schemas.records import Alert, AlertState, CommandKind
from schemas.records import ReleaseKind as K
from schemas.topics import ALERTS
from schemas.validation import check
from streams.rollout.announcing import Announcer
from tests.rollout_desk import POLICY, Desk
from tests.rollout_log import SECOND, evidence, follow

FIRING, RESOLVED = AlertState.FIRING, AlertState.RESOLVED


class Office(Desk):
    """A desk whose gate also tells people; everybody runs r1, and r2 is open."""

    def __init__(self) -> None:
        super().__init__(POLICY.model_copy(update={"deferred_share": 0.2}))
        self.alerts = AlertBook()
        self.said: list[Alert] = []
        self.announcer = self.another()
        self.propose("r1")
        first = self.book.releases["r1"].proposal
        for seq, kind in enumerate((K.VERIFIED, K.APPROVED, K.WAVE_OPENED, K.COMPLETED), 1):
            self.write(follow(first, kind, seq, wave=0, share=1.0))
        self.started(counter=2, parent_release_id="r1")

    def another(self) -> Announcer:
        """An announcer that was just started."""
        return Announcer(self.alerts, self.book, lambda _: True)

    def told(self) -> list[tuple[str, str, str, str]]:
        """What is said now, read back: alert, severity, stratum, state."""
        at_us = self.tally.now_us
        assert at_us is not None
        news = list(self.announcer.news(self.gates[0].findings(), at_us, self.now))
        for alert in news:
            check(ALERTS, alert, self.now)
            assert self.alerts.observe(alert) is Verdict.VALID
        self.said += news
        return [
            (one.alertname, one.labels["severity"], one.labels["hardware"], one.state.value)
            for one in news
        ]


@pytest.fixture
def office() -> Office:
    return Office()


def test_nothing_is_said_of_a_release_that_goes_well(office: Office) -> None:
    office.judged("HW3", 50)
    office.wait(11)
    office.turn()
    assert office.told() == []


def test_harm_pages_for_the_rollback_and_writes_tickets_for_those_held(office: Office) -> None:
    office.count("HW3", accepted=15, failed=12)
    office.turn()
    assert set(office.told()) == {
        ("RollbackOrdered", "page", "HW3", FIRING),
        ("RolloutHeld", "ticket", "HW4", FIRING),
        ("RolloutHeld", "ticket", "AI5", FIRING),
    }
    assert office.told() == [], "each is said once"


def test_the_page_ends_when_the_devices_are_back_and_a_ticket_when_a_person_decides(
    office: Office,
) -> None:
    office.count("HW3", accepted=15, failed=12)
    office.turn()
    office.told()
    office.count("HW3", accepted=15, failed=12, rolled_back=3)
    office.order(CommandKind.RESUME, stratum="HW4")
    office.wait(4)
    office.turn()
    assert set(office.told()) == {
        ("RollbackOrdered", "page", "HW3", RESOLVED),
        ("RolloutHeld", "ticket", "HW4", RESOLVED),
    }
    assert {alert.labels["hardware"] for alert in office.alerts.open()} == {"AI5"}


def test_a_rollback_that_stalls_pages_with_the_number_of_devices(office: Office) -> None:
    office.count("HW3", accepted=15, failed=12)
    office.turn()
    office.told()
    office.wait(70)
    office.turn()
    (found,) = (one for one in office.told() if one[0] == "RollbackStalled")
    assert found == ("RollbackStalled", "page", "HW3", FIRING)
    assert "3 devices are not known to be back" in office.said[-1].annotations["summary"]


def test_a_safety_reason_holds_and_pages_at_once(office: Office) -> None:
    office.count("HW3", accepted=15, failed=1, critical=1)
    assert office.turn() == ["HELD HW3"]
    assert office.told() == [("RolloutCritical", "page", "HW3", FIRING)]
    office.order(CommandKind.RESUME)
    office.wait(1)
    office.turn()
    assert office.told() == [("RolloutCritical", "page", "HW3", RESOLVED)]


@pytest.mark.parametrize(
    ("offered", "accepted", "deferred", "fires"),
    [(10, 8, 2, False), (10, 7, 3, True), (10, 9, 8, False), (4, 0, 4, False)],
    ids=["at the share", "above", "they accepted since", "too few to tell"],
)
def test_many_that_defer_are_told(
    office: Office, *, offered: int, accepted: int, deferred: int, fires: bool
) -> None:
    office.count("HW3", offered=offered, accepted=accepted, deferred=deferred)
    expected = [("RolloutDeferred", "ticket", "HW3", FIRING)] if fires else []
    assert office.told() == expected
    office.count("HW3", offered=offered, accepted=offered, deferred=deferred)
    office.wait(1)
    assert [state for *_, state in office.told()] == [RESOLVED] * fires


def test_a_device_that_reverts_after_completion_is_told_and_reopens_nothing(
    office: Office,
) -> None:
    view = office.book.releases["r2"]
    known = evidence(thresholds={"updates.failures_low": 2.0})
    office.write(follow(view.proposal, K.COMPLETED, view.next_seq, evidence=known))
    office.count("HW3", accepted=50, committed=48, failed=2)
    assert office.told() == []
    office.count("HW3", accepted=50, committed=47, failed=3)
    assert office.told() == [("RolloutRegressed", "ticket", "HW3", FIRING)]
    assert (office.turn(), office.status("HW3")) == ([], "COMPLETED")
    office.started("r3", counter=3, parent_release_id="r2")
    assert office.told() == [("RolloutRegressed", "ticket", "HW3", RESOLVED)]


def test_a_worker_that_starts_again_repeats_nothing_and_ends_what_is_over(office: Office) -> None:
    office.count("HW3", accepted=15, failed=12)
    office.turn()
    office.told()
    office.announcer = office.another()
    assert office.told() == []
    office.count("HW3", accepted=15, failed=12, rolled_back=3)
    office.wait(4)
    office.turn()
    office.announcer = office.another()
    assert ("RollbackOrdered", "page", "HW3", RESOLVED) in office.told()


def test_a_step_that_was_lost_is_said_again(office: Office) -> None:
    office.count("HW3", accepted=15, failed=12)
    office.turn()
    at_us = office.tally.now_us
    assert at_us is not None
    lost = list(office.announcer.news(office.gates[0].findings(), at_us, office.now))
    assert len(lost) == 3
    assert list(office.announcer.news(office.gates[0].findings(), at_us, office.now)) == []
    later = office.now + 31 * SECOND
    again = list(office.announcer.news(office.gates[0].findings(), at_us, later))
    assert again == lost


def test_a_gate_that_lags_ends_nothing_that_it_has_not_read_of(office: Office) -> None:
    lagging = Desk()
    lagging.ledgers[0].observe(office.log)
    office.count("HW3", accepted=15, failed=12)
    office.turn()
    assert len(office.told()) == 3
    announcer = Announcer(office.alerts, lagging.book, lambda _: True)
    assert list(announcer.news((), office.now + 60 * SECOND, office.now)) == []


def test_two_announcers_say_one_step(office: Office) -> None:
    office.count("HW3", accepted=15, failed=1, critical=1)
    office.turn()
    at_us = office.tally.now_us
    assert at_us is not None
    said = [
        alert
        for announcer in (office.another(), office.another())
        for alert in announcer.news(office.gates[0].findings(), at_us, office.now)
    ]
    assert [office.alerts.observe(one) for one in said] == [Verdict.VALID, Verdict.VOID]
    assert said[0] == said[1]
