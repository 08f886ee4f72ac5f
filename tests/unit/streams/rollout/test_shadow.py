"""The shadow stage: a release that sees the world otherwise reaches nobody."""

import random
from typing import Any

import pytest

from infra.cli.evidence_words import in_words
from infra.cli.release_evidence import evidence_rows
from schemas.records import CommandKind, ShadowSlice
from schemas.records import ReleaseKind as K
from schemas.topics import INFERENCE_EVENTS
from streams.rollout.policy import Policy
from streams.rollout.rules import MetricRules, ShareRule
from streams.rollout.shadow_rule import ShadowRule
from streams.rollout.shadow_tally import ShadowCell, ShadowTally
from streams.rollout.shadow_tests import shadow_standing
from tests.rollout_desk import POLICY, Desk, everybody_on_r1

RULE = ShadowRule(disagreement=0.1, minimum_encounters=300)
SHADOWED = POLICY.model_copy(update={"shadow": RULE})
ALL = ("HW3", "HW4", "AI5")


def in_shadow(policy: Policy = SHADOWED, **changes: Any) -> Desk:
    """A desk on which r2 runs beside r1."""
    desk = everybody_on_r1(policy)
    desk.propose(**{"counter": 2, "parent_release_id": "r1", **changes})
    desk.order(CommandKind.APPROVE)
    desk.wait(1)
    assert desk.turn() == ["VERIFIED all", "APPROVED all", "SHADOW_OPENED all"]
    return desk


def compared(
    desk: Desk,
    stratum: str,
    *slices: tuple[str, int, int],
    devices: int = 20,
    failed: int = 0,
    **changes: Any,
) -> None:
    """Stage one hands on what a stratum's devices saw with both models."""
    desk.count(
        stratum,
        topic=INFERENCE_EVENTS.name,
        shadow_devices=devices,
        shadow_failed=failed,
        shadow_slices=tuple(
            ShadowSlice(slice=name, encounters=n, differing=bad) for name, n, bad in slices
        ),
        **changes,
    )


def test_a_release_that_agrees_goes_on_to_wave_0_where_enough_was_compared() -> None:
    desk = in_shadow()
    compared(desk, "HW3", ("class 0", 400, 12), ("region city", 400, 12))
    compared(desk, "HW4", ("class 0", 299, 9), ("region city", 299, 9))
    desk.wait(9)
    assert desk.turn() == []
    desk.wait(2)
    assert desk.turn() == ["WAVE_OPENED HW3"]
    opened = desk.log[-1].record
    assert (opened.wave, opened.share) == (0, 0.1)
    assert opened.evidence.thresholds["shadow.encounters"] == 400
    assert opened.evidence.thresholds["shadow.class 0.failures_low"] == 12
    assert [desk.status(stratum) for stratum in ALL] == ["OPEN", "SHADOW", "SHADOW"]


def test_one_class_lost_is_held_for_a_person_before_anybody_has_it() -> None:
    desk = in_shadow()
    compared(desk, "HW3", ("class 0", 400, 12), ("class 1", 60, 33), ("region city", 460, 45))
    desk.wait(1)
    assert desk.turn() == ["HELD HW3"]
    assert "class 1: 33 of 60" in desk.log[-1].record.reason
    assert desk.book.releases["r2"].strata["HW3"].share == 0.0
    assert desk.status("HW4") == "SHADOW"


def test_one_region_lost_is_held_for_a_person() -> None:
    desk = in_shadow()
    compared(desk, "HW3", ("class 0", 900, 60), ("region city", 800, 20), ("region alps", 100, 40))
    desk.wait(1)
    assert desk.turn() == ["HELD HW3"]
    assert "region alps" in desk.log[-1].record.reason


def test_a_person_who_resumes_it_opens_it_and_it_is_not_shadowed_again() -> None:
    desk = in_shadow()
    compared(desk, "HW3", ("class 1", 60, 33), ("region city", 60, 33))
    desk.wait(1)
    desk.turn()
    desk.order(CommandKind.RESUME, stratum="HW3")
    desk.wait(1)
    assert desk.turn() == ["RESUMED HW3", "WAVE_OPENED HW3"]


def test_a_slower_release_is_rejected_there_and_stays_rejected() -> None:
    desk = in_shadow()
    compared(desk, "HW3", ("class 0", 400, 4), ("region city", 400, 4), devices=20, failed=15)
    desk.wait(1)
    assert desk.turn() == ["REJECTED HW3"]
    assert "latency: 15 of 20" in desk.log[-1].record.reason
    desk.order(CommandKind.RESUME, stratum="HW3")
    desk.wait(1)
    assert desk.turn() == []


def test_too_little_compared_is_no_proof_and_a_person_decides() -> None:
    desk = in_shadow()
    desk.wait(31)
    assert sorted(desk.turn()) == ["HELD AI5", "HELD HW3", "HELD HW4"]
    assert "300 more encounters" in desk.log[-1].record.reason


def test_a_pause_ends_no_shadow_and_resuming_skips_none() -> None:
    desk = in_shadow()
    desk.order(CommandKind.PAUSE)
    desk.wait(1)
    assert desk.turn() == ["PAUSED all"]
    desk.order(CommandKind.RESUME)
    desk.wait(1)
    assert set(desk.turn()) == {f"RESUMED {stratum}" for stratum in ALL}
    assert {desk.status(stratum) for stratum in ALL} == {"SHADOW"}


def test_harm_elsewhere_holds_what_passed_its_shadow() -> None:
    desk = in_shadow()
    for stratum in ("HW3", "HW4"):
        compared(desk, stratum, ("class 0", 100, 1), ("region city", 100, 1))
    compared(desk, "HW3", ("class 0", 400, 4), ("region city", 400, 4))
    desk.wait(11)
    assert desk.turn() == ["WAVE_OPENED HW3"]
    desk.count("HW3", accepted=20, failed=15)
    desk.wait(1)
    assert "ROLLBACK_ORDERED HW3" in desk.turn()
    compared(desk, "HW4", ("class 0", 400, 4), ("region city", 400, 4))
    desk.wait(1)
    assert desk.turn() == ["HELD HW4"]
    assert "harm in HW3" in desk.log[-1].record.reason


def test_without_a_policy_for_it_or_a_parent_there_is_no_shadow() -> None:
    desk = everybody_on_r1()
    desk.started(counter=2, parent_release_id="r1")
    first = Desk(SHADOWED)
    first.started("r1")
    assert {desk.status("HW3"), first.status("HW3", "r1")} == {"OPEN"}


def test_a_release_that_waits_in_shadow_is_superseded_and_never_in_the_way() -> None:
    desk = in_shadow()
    desk.propose("r3", counter=3, parent_release_id="r1")
    desk.order(CommandKind.APPROVE, "r3")
    desk.wait(1)
    assert "SHADOW_OPENED all" in desk.turn()
    desk.wait(20)
    assert desk.turn() == []
    compared(desk, "HW3", ("class 0", 400, 4), ("region city", 400, 4), release_id="r3")
    desk.wait(1)
    assert desk.turn() == ["WAVE_OPENED HW3", "SUPERSEDED HW3"]


def test_what_a_shadow_shows_and_lacks_is_told_by_test() -> None:
    desk = in_shadow()
    compared(desk, "HW3", ("class 0", 90, 4), ("class 1", 0, 0), ("region city", 90, 4), failed=1)
    desk.wait(1)
    rows = [row for row in evidence_rows(desk.standing()) if row["stratum"] == "HW3"]
    told = {row["test"]: words for row, words in zip(rows, in_words(rows), strict=True)}
    assert told["shadow class 0"]["counted"] == (
        "90 encounters, 4 given another class; ceiling 10.00%"
    )
    assert "shadow class 1" not in told
    assert "20 devices, 1 failed" in told["shadow latency"]["counted"]
    assert told["updates"]["waits_for"] == "9 s of soak, 210 more encounters seen by both"
    assert "more failures: harm" in told["shadow region city"]["would_move_it"]


def test_a_shadow_opens_once() -> None:
    desk = in_shadow()
    again = desk.log[-1].record
    assert again.kind is K.SHADOW_OPENED
    assert desk.book.releases["r2"].strata["HW3"].shadow.share == 0.1
    before = desk.book.voids.total()
    desk.write(again)
    assert desk.book.voids.total() == before + 1


@pytest.mark.parametrize("seed", range(3))
def test_evidence_is_the_same_in_any_order_and_stays_crossed(seed: int) -> None:
    chance = random.Random(seed)
    policy = Policy(shadow=RULE, metrics=MetricRules(latency=ShareRule()))
    cells = [
        (("inference-events", partition), at, 40 * at, 15 * min(at, 4))
        for partition in range(2)
        for at in range(1, 12)
    ]

    def told(order: list[Any]) -> tuple[Any, float]:
        tally = ShadowTally(policy)
        for source, at, seen, bad in order:
            cell = ShadowCell((at, at), {"class 0": (seen, bad), "region city": (seen, bad)})
            tally.include(source, ("r2", "HW3"), cell)
        found = shadow_standing(policy, tally, "r2", "HW3", 1)
        assert found is not None
        again = ShadowTally(policy)
        again.restore(tally.state())
        assert shadow_standing(policy, again, "r2", "HW3", 1) == found
        return tally.pairs(("r2", "HW3")), max(one.log_e for one in found.tests)

    shuffled = chance.sample(cells, len(cells))
    assert told(cells)[0] == told(shuffled)[0]
    assert told(cells)[1] > told(cells[-1:] + cells[10:11])[1]
