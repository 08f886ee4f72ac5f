"""A trace of a shadow, replayed: the same words and numbers as on the road."""

import dataclasses
import json
from collections.abc import Iterator
from typing import Any, Final

from schemas.cohorts import membership
from schemas.records import ModelRelease
from schemas.records import ReleaseKind as K
from schemas.topics import INFERENCE_EVENTS, MODEL_RELEASES, ROLLOUT_COMMANDS
from streams.rollout.policy import Policy
from streams.rollout.shadow_rule import ShadowRule
from streams.rollout.trace import read_trace
from streams.rollout.trace_player import Played, play
from tests.rollout_log import SECOND, START, proposal

POLICY: Final = Policy(
    shadow=ShadowRule(minimum_encounters=200), waves=(0.5, 1.0), soak_s=10, patience_s=60
)
SALT: Final = "salt of r2"
COHORT: Final = [f"d{n}" for n in range(40) if membership(SALT, f"d{n}") < 0.5]


def replayed(differing: list[int]) -> Played:
    """r2 runs beside r1 on HW3 for a minute; each window has ten encounters of either class."""
    return play(read_trace(_lines(differing)), POLICY)


def _lines(differing: list[int]) -> Iterator[str]:
    for counter, name in enumerate(("r1", "r2"), 1):
        parent = {"parent_release_id": "r1"} if name == "r2" else {}
        made = proposal(name, counter=counter, strata=("HW3",), **parent)
        yield _line(START + counter, MODEL_RELEASES.name, dataclasses.asdict(made))
    order = {"release_id": "r2", "command": "APPROVE", "by": "ann"}
    yield _line(START + SECOND, ROLLOUT_COMMANDS.name, order)
    for second in range(5, 65):
        at = START + second * SECOND
        device = COHORT[second % len(COHORT)]
        yield _line(at, INFERENCE_EVENTS.name, _window(at, device, differing))


def _window(at: int, device: str, differing: list[int]) -> dict[str, Any]:
    return {
        "device_id": device,
        "device_class": "VEHICLE",
        "hardware": "HW3",
        "region": "city",
        "release_id": "r1",
        "window_start": at - SECOND,
        "window_end": at,
        "deadline_us": 50_000,
        "expected": 60,
        "produced": 60,
        "shadow_release_id": "r2",
        "shadow_encounters": [10, 10],
        "shadow_differing": differing,
        "shadow_judged": 60,
    }


def _line(at: int, topic: str, value: Any) -> str:
    return json.dumps({"at": at, "topic": topic, "value": value})


def told(played: Played) -> list[ModelRelease]:
    """Decisions about r2."""
    return [one.record for one in played.decisions if one.record.release_id == "r2"]


def test_a_release_that_agrees_is_opened_when_enough_was_compared() -> None:
    *before, opened = told(replayed([0, 0]))
    assert [one.kind for one in before] == [K.VERIFIED, K.APPROVED, K.SHADOW_OPENED]
    assert (opened.kind, opened.wave, opened.share) == (K.WAVE_OPENED, 0, 0.5)
    assert opened.evidence is not None
    assert opened.evidence.thresholds["shadow.encounters"] >= 200


def test_one_class_lost_is_held_and_the_evidence_says_by_what() -> None:
    *before, held = told(replayed([0, 6]))
    assert [one.kind for one in before] == [K.VERIFIED, K.APPROVED, K.SHADOW_OPENED]
    assert held.kind is K.HELD
    assert "class 1: " in held.reason
    assert held.evidence is not None
    figures = held.evidence.thresholds
    assert figures["shadow.class 1.e_harm"] >= figures["shadow.harm"]
    assert figures["shadow.class 0.e_harm"] < 1.0


def test_counts_that_cannot_be_are_refused_and_count_nothing() -> None:
    played = replayed([0, 11])
    assert told(played)[-1].kind is K.SHADOW_OPENED
    assert len(played.refusals) == 60
    assert "shadow_differing" in played.refusals[0].reason
