"""The judge of every decision can fail: a record that is changed by the least is told.

The crash matrix believes what this check says of hundreds of decisions.
"""

from dataclasses import replace
from typing import Any

import pytest

from schemas.records import ModelRelease
from schemas.records import ReleaseKind as K
from tests.rollout_log import GATE, KEYRING
from tests.rollout_replay import counted, unlike
from tests.rollout_world import DEMO_POLICY, World


@pytest.fixture(scope="module")
def world() -> World:
    """One release that reached everybody."""
    played = World(fleet={"HW3": 60, "HW4": 60, "AI5": 40})
    played.run(1)
    played.propose("r1", 1)
    played.run(33)
    return played


def _judged(world: World, record: ModelRelease) -> list[str]:
    return list(unlike(world.logs.records, record, DEMO_POLICY, GATE, KEYRING))


def _second_wave(world: World) -> ModelRelease:
    valid = counted(world.logs.records, KEYRING)
    return next(one for one in valid if one.kind is K.WAVE_OPENED and one.wave == 1)


def test_what_the_gate_decided_passes(world: World) -> None:
    decided = counted(world.logs.records, KEYRING)
    assert K.COMPLETED in {one.kind for one in decided}
    assert [words for one in decided for words in _judged(world, one)] == []


@pytest.mark.parametrize(
    "changes",
    [
        {"share": 0.99},
        {"wave": 2},
        {"decision_seq": 99},
        {"reason": "because"},
        {"kind": K.COMPLETED},
        {"decided_ts": 1},
        {"signature": "00" * 64},
    ],
    ids=lambda changes: str(next(iter(changes))),
)
def test_a_decision_that_says_something_else_is_told(world: World, changes: dict[str, Any]) -> None:
    assert len(_judged(world, replace(_second_wave(world), **changes))) == 1


@pytest.mark.parametrize("field", ["n", "failures_low", "failures_high", "e_safe", "config_digest"])
def test_evidence_that_is_another_is_told(world: World, field: str) -> None:
    record = _second_wave(world)
    assert record.evidence is not None
    was = getattr(record.evidence, field)
    other: Any = "0" * 64 if isinstance(was, str) else was + 1
    changes = {field: other}
    changed = replace(record, evidence=replace(record.evidence, **changes))
    assert len(_judged(world, GATE.sign(changed))) == 1


def test_a_decision_that_had_not_read_what_it_rests_on_is_told(world: World) -> None:
    """The same words, signed, but after fewer of the partials: the core does not decide so yet."""
    record = _second_wave(world)
    assert record.evidence is not None
    earlier = {
        name: at - 20 if name.startswith("rollout-partials") else at
        for name, at in record.evidence.offsets.items()
    }
    changed = replace(record, evidence=replace(record.evidence, offsets=earlier))
    assert len(_judged(world, GATE.sign(changed))) == 1
