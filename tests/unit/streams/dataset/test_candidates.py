"""Candidates: one per encounter, duplicates out, every exclusion counted, order does not matter."""

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from streams.dataset.answers import Answer, labels
from streams.dataset.candidates import Sighting, sift


def sighting(number: int, **changes: Any) -> Sighting:
    vector = np.random.default_rng(number).normal(size=32).astype(np.float32)
    made = Sighting(
        event_id=f"e{number}",
        device_id="d",
        encounter_id=f"d/{number}",
        frame_uri="file:///x",
        frame_digest=f"p{number}",
        margin=0.01 * number,
        consent=True,
        embedding=vector / np.linalg.norm(vector),
        topic_id="t",
        partition=0,
        offset=number,
        stamp_us=0,
    )
    return replace(made, **changes)


def sifted(sightings: Sequence[Sighting], limit: int = 100) -> tuple[list[str], dict[str, int]]:
    found = sift(sightings, frozenset({"d/known", "known"}), 0.99, limit)
    return [s.event_id for s in found.sightings], dict(found.excluded)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"consent": False}, "NO_CONSENT"),
        ({"embedding": np.zeros(0, np.float32)}, "NO_EMBEDDING"),
        ({"encounter_id": "d/1"}, "SAME_ENCOUNTER"),
        ({"encounter_id": "d/known"}, "SAME_ENCOUNTER"),
        ({"frame_digest": "p1"}, "EXACT_DUPLICATE"),
        ({"frame_digest": "known"}, "EXACT_DUPLICATE"),
        ({"embedding": sighting(1).embedding}, "NEAR_DUPLICATE"),
    ],
)
def test_what_is_left_out_is_counted_by_reason(changes: dict[str, Any], reason: str) -> None:
    kept, excluded = sifted([sighting(1), sighting(2, **changes)])
    assert kept == ["e1"]
    assert excluded == {reason: 1}


def test_over_the_limit_the_least_certain_stay() -> None:
    kept, excluded = sifted([sighting(n) for n in range(1, 6)], limit=2)
    assert kept == ["e1", "e2"]
    assert excluded == {"OVER_LIMIT": 3}


def test_any_order_of_reading_gives_the_same_candidates() -> None:
    rows = [sighting(n) for n in range(1, 40)]
    rows += [sighting(100 + n, encounter_id=f"d/{n}") for n in range(1, 10)]
    expected = sifted(rows)
    for seed in range(20):
        shuffled = rows[:]
        random.Random(seed).shuffle(shuffled)
        assert sifted(shuffled) == expected


def test_the_first_usable_review_counts_and_the_rest_is_told_by_reason() -> None:
    reviews = [
        Answer("a", "SKIP", 0, 0),
        Answer("a", "stop", 0, 1),
        Answer("a", "yield", 0, 2),
        Answer("a", "stop", 0, 3),
        Answer("z", "stop", 0, 4),
    ]
    chosen, excluded = labels(reversed(reviews), frozenset({"a", "b"}))
    assert chosen == {"a": "stop"}
    assert excluded == {"SKIPPED": 1, "DISAGREES": 1, "REPEATED": 1, "NOT_ASKED": 1}
