"""What `fleetloop releases` shows and signs."""

from functools import partial

from infra.cli.output import Exit
from infra.cli.release_evidence import evidence_rows
from infra.cli.release_following import verdict
from infra.cli.release_rows import decision_row, release_row, stratum_rows
from infra.cli.useless_orders import useless
from infra.orders import signed_order
from schemas.records import CommandKind
from schemas.records import ReleaseKind as K
from streams.rollout.standing import ReleaseStanding
from tests.rollout_desk import POLICY, Desk
from tests.rollout_log import KEYRING, OPERATOR, START, Log, digest_of


def test_a_release_with_one_status_shows_it_and_otherwise_each() -> None:
    log = Log()
    log.completed("r1")
    log.opened("r2", 0.1, counter=2, parent_release_id="r1")
    log.must("r2", K.HELD, stratum="HW3", reason="too few devices")
    rows = [release_row(view) for view in log.book.releases.values()]
    assert [row["state"] for row in rows] == ["COMPLETED", "HW3 HELD, HW4 OPEN, AI5 OPEN"]
    assert rows[1]["parent"] == "r1"


def test_a_stratum_shows_wave_share_and_where_it_goes_back_to() -> None:
    log = Log()
    log.completed("r1")
    log.opened("r2", 0.1, counter=2)
    back = {"rollback_to_release_id": "r1", "rollback_to_digest": digest_of("r1")}
    log.must("r2", K.ROLLBACK_ORDERED, stratum="HW3", reason="harm", **back)
    rows = {row["stratum"]: row for row in stratum_rows(log.book.releases["r2"])}
    assert rows["HW3"]["back_to"] == "r1"
    assert rows["HW3"]["reason"] == "harm"
    assert (rows["HW4"]["status"], rows["HW4"]["wave"], rows["HW4"]["share"]) == ("OPEN", 0, 0.1)
    assert rows["HW4"]["since"].startswith("2023-11-14T22:13:")


def test_an_order_is_signed_by_who_gives_it() -> None:
    order = signed_order(
        OPERATOR, "r1", CommandKind.PAUSE, reason="noise", stratum="HW3", issued_ts=START
    )
    KEYRING.verify(order, START)
    assert (order.by, order.stratum, order.command) == ("operator", "HW3", CommandKind.PAUSE)


def test_a_release_is_settled_well_only_when_it_completed_everywhere() -> None:
    log = Log()
    log.completed("r1")
    assert verdict(log.book.releases["r1"]) is Exit.OK
    log.opened("r2", 0.1, counter=2, parent_release_id="r1")
    view = log.book.releases["r2"]
    assert verdict(view) is None
    log.must("r2", K.HELD, stratum="HW3", reason="harm")
    assert verdict(log.book.releases["r2"]) is None, "HW4 and AI5 still go on by themselves"
    log.must("r2", K.HELD, reason="harm elsewhere")
    assert verdict(log.book.releases["r2"]) is Exit.CONDITION_NOT_MET
    back = {"rollback_to_release_id": "r1", "rollback_to_digest": digest_of("r1")}
    log.must("r2", K.ROLLBACK_ORDERED, reason="a person", **back)
    assert verdict(log.book.releases["r2"]) is None
    log.must("r2", K.ROLLBACK_DONE, reason="all back")
    assert verdict(log.book.releases["r2"]) is Exit.CONDITION_NOT_MET


def test_an_order_back_from_history_is_refused_and_says_since_when() -> None:
    log = Log()
    for counter, name in enumerate(("r1", "r2", "r3"), 1):
        parent = None if counter == 1 else f"r{counter - 1}"
        log.completed(name, counter=counter, parent_release_id=parent)
    ask = partial(useless, kind=CommandKind.ROLLBACK, stratum=None)
    why = ask(log.book.releases["r2"], with_parent=True, history_us=START)
    assert why is not None
    assert why.startswith("HW3 is COMPLETED, HW4 is COMPLETED, AI5 is COMPLETED, and it is history")
    assert ask(log.book.releases["r2"], with_parent=True, history_us=None) is None
    first = ask(log.book.releases["r1"], with_parent=False, history_us=None)
    assert first is not None
    assert first.endswith("there is no parent to go back to")
    pause = useless(
        log.book.releases["r2"], CommandKind.PAUSE, "HW3", with_parent=True, history_us=START
    )
    assert pause == "HW3 is COMPLETED"


def test_a_decision_is_a_row() -> None:
    log = Log()
    log.opened("r1", 0.1)
    row = decision_row(log.book.releases["r1"].proposal)
    assert (row["stratum"], row["status"], row["wave"]) == ("all", "PROPOSED", None)


def test_the_explanation_has_evidence_thresholds_and_what_is_missing() -> None:
    desk = Desk()
    desk.started()
    desk.count("HW3", accepted=12, committed=2, failed=1)
    desk.wait(4)
    desk.turn()
    at = ReleaseStanding(
        view=desk.book.releases["r2"],
        parent=None,
        tally=desk.tally,
        policy=POLICY,
        now_us=desk.tally.heard_us,
    )
    rows = {(row["stratum"], row["test"]): row for row in evidence_rows(at)}
    updates = rows["HW3", "updates"]
    assert (updates["devices"], updates["failed"], updates["undecided"]) == (12, 1, 9)
    assert updates["harm_at"] == 600
    assert {test for _, test in rows} == {"updates", "latency", "arms"}
    assert updates["waits_for"] == (
        "6 s of soak, 2 more decided devices, else it is widened in 26 s"
    )
    desk.count("HW3", accepted=12, committed=2, failed=1 + updates["failures_until_harm"] - 1)
    desk.wait(1)
    assert desk.turn() == []
    desk.count("HW3", accepted=12, committed=2, failed=1 + updates["failures_until_harm"])
    desk.wait(1)
    assert "HELD HW3" in desk.turn(), "one more failure than told would have been too many"
