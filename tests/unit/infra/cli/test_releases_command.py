"""What `fleetloop releases` shows and signs."""

from infra.cli.releases import release_row, stratum_rows
from infra.orders import signed_order
from schemas.records import CommandKind
from schemas.records import ReleaseKind as K
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
