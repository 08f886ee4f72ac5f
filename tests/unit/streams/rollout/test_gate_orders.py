"""What the gate does with a person's orders."""

from schemas.records import CommandKind as C
from schemas.records import ReleaseKind as K
from tests.rollout_desk import Desk, start
from tests.rollout_log import SECOND, TRAINER, follow


def test_an_order_that_is_not_signed_by_an_operator_is_refused(desk: Desk) -> None:
    desk.propose(counter=2)
    desk.order(C.APPROVE, signer=TRAINER)
    desk.wait(0)
    assert desk.turn() == ["VERIFIED all"]
    assert desk.ledgers[0].refused == 1


def test_a_person_lets_the_others_go_on_and_they_are_not_held_again(desk: Desk) -> None:
    start(desk)
    desk.count("HW3", accepted=15, failed=12)
    desk.turn()
    desk.order(C.RESUME, stratum="HW4")
    desk.wait(1)
    assert desk.turn() == ["RESUMED HW4"]
    desk.count("HW3", accepted=15, failed=12, rolled_back=3)
    desk.wait(4)
    assert desk.turn() == ["ROLLBACK_DONE HW3"]
    assert desk.status("HW4") == "OPEN"
    assert desk.status("AI5") == "HELD"


def test_an_order_to_go_on_counts_only_for_what_the_person_saw(desk: Desk) -> None:
    start(desk)
    desk.order(C.RESUME)  # nothing is held yet
    desk.count("HW3", accepted=15, failed=12)
    assert desk.turn() == ["ROLLBACK_ORDERED HW3", "HELD HW4", "HELD AI5"]


def test_an_order_is_obeyed_once_even_by_a_gate_that_reads_everything_again(desk: Desk) -> None:
    start(desk)
    desk.order(C.PAUSE)
    desk.wait(1)
    assert desk.turn() == ["PAUSED all"]
    desk.order(C.RESUME)
    desk.wait(1)
    assert desk.turn() == ["RESUMED HW3", "RESUMED HW4", "RESUMED AI5"]
    again = Desk()
    again.wait((desk.now - again.now) / SECOND)
    again.ledgers[0].observe(desk.log)
    assert again.gates[0].advance() == []


def test_a_person_orders_the_held_strata_back(desk: Desk) -> None:
    start(desk)
    desk.count("HW3", accepted=15, failed=12)
    desk.turn()
    desk.order(C.ROLLBACK)
    desk.wait(1)
    assert desk.turn() == ["ROLLBACK_ORDERED all"]
    assert desk.status("HW4") == desk.status("AI5") == "ROLLING_BACK"


def test_a_first_release_cannot_be_ordered_back_but_killed() -> None:
    desk = Desk()
    desk.started("r2")
    desk.order(C.ROLLBACK)
    desk.wait(1)
    assert desk.turn() == []
    desk.order(C.KILL)
    assert desk.turn() == ["ABORTED all"]


def test_a_completed_release_goes_back_only_by_order(desk: Desk) -> None:
    desk.propose("r2", counter=2, parent_release_id="r1", strata=("HW3",))
    first = desk.book.releases["r2"].proposal
    for seq, kind in enumerate((K.VERIFIED, K.APPROVED, K.WAVE_OPENED, K.COMPLETED), 1):
        desk.write(follow(first, kind, seq, wave=0, share=1.0))
    desk.count("HW3", accepted=15, failed=12)
    desk.wait(1)
    assert desk.turn() == []
    desk.order(C.ROLLBACK, stratum="HW3")
    assert desk.turn() == ["ROLLBACK_ORDERED HW3"]
