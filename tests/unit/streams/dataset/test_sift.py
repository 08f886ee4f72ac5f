"""Sifting: one per encounter, duplicates out, every exclusion counted, however it is read."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.name_hashes import hashed
from streams.dataset.candidates import Candidates, Sighting
from streams.dataset.policy import DatasetPolicy
from streams.dataset.sift import Continued, Sift
from tests.unit.streams.dataset.kit import columns

KNOWN = Continued(hashed(["d/known", "known"]), "image/png")
POLICY = DatasetPolicy(near_duplicate_cosine=0.99, max_candidates=100)


def sighting(number: int, **changes: Any) -> Sighting:
    vector = np.random.default_rng(number).normal(size=32).astype(np.float32)
    made = Sighting(
        event_id=f"e{number}",
        device_id="d",
        encounter_id=f"d/{number}",
        frame_uri="file:///x",
        frame_digest=f"p{number}",
        frame_media_type="image/png",
        margin=0.01 * number,
        consent=True,
        embedding=vector / np.linalg.norm(vector),
        topic_id="t",
        partition=0,
        offset=number,
        stamp_us=0,
    )
    return replace(made, **changes)


def sifted(
    sightings: Sequence[Sighting], policy: DatasetPolicy = POLICY, cuts: Sequence[int] = ()
) -> tuple[list[str], dict[str, int]]:
    sift = Sift(policy, KNOWN)
    edges = [0, *sorted(min(cut, len(sightings)) for cut in cuts), len(sightings)]
    for begin, end in pairwise(edges):
        if end > begin:
            sift.take(columns(sightings[begin:end]))
    found = sift.candidates()
    return [one.event_id for one in found.sightings], dict(found.excluded)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"frame_media_type": "audio/wav"}, "OTHER_MEDIUM"),
        ({"consent": False}, "NO_CONSENT"),
        ({"embedding": np.zeros(0, np.float32)}, "NO_EMBEDDING"),
        ({"embedding": np.full(32, np.nan, np.float32)}, "NO_EMBEDDING"),
        ({"encounter_id": "d/1"}, "SAME_ENCOUNTER"),
        ({"encounter_id": "d/known"}, "SAME_ENCOUNTER"),
        ({"frame_digest": "p1"}, "EXACT_DUPLICATE"),
        ({"frame_digest": "known"}, "EXACT_DUPLICATE"),
        ({"embedding": sighting(1).embedding}, "NEAR_DUPLICATE"),
        ({"embedding": sighting(1).embedding * 3.0}, "NEAR_DUPLICATE"),
    ],
)
def test_what_is_left_out_is_counted_by_reason(changes: dict[str, Any], reason: str) -> None:
    for cuts in ((), (1,)):
        kept, excluded = sifted([sighting(1), sighting(2, **changes)], cuts=cuts)
        assert kept == ["e1"]
        assert excluded == {reason: 1}


def test_over_the_limit_the_least_certain_stay() -> None:
    policy = POLICY.model_copy(update={"max_candidates": 2})
    kept, excluded = sifted([sighting(n) for n in range(9, 0, -1)], policy)
    assert kept == ["e1", "e2"]
    assert excluded == {"OVER_LIMIT": 7}


def test_embeddings_of_two_models_say_nothing_of_each_other() -> None:
    same = sighting(1).embedding
    rows = [
        sighting(n, embedding=same, model_digest=model) for n, model in enumerate("abab", start=1)
    ]
    assert sifted(rows) == (["e1", "e2"], {"NEAR_DUPLICATE": 2})


def test_candidates_of_two_models_lie_in_dimensions_of_their_own() -> None:
    same, short = sighting(1).embedding, np.array([0.6, 0.8], np.float32)
    found = Candidates(
        [
            sighting(1, embedding=same, model_digest="b"),
            sighting(2, embedding=same, model_digest="a"),
            sighting(3, embedding=short, model_digest="a"),
        ],
        Counter(),
    ).embeddings()
    assert found.shape == (3, 2 + 32 + 32)
    assert np.allclose(found @ found.T, np.eye(3), atol=1e-6)


def test_what_came_long_ago_is_forgotten_and_may_come_again() -> None:
    policy = POLICY.model_copy(update={"kept_embeddings": 32})
    rows = [sighting(n) for n in range(1, 33)]
    late = sighting(1, event_id="late", margin=0.5)
    assert "late" not in sifted([*rows[:29], late], policy)[0]
    kept, excluded = sifted([*rows, late], policy)  # e1 and its names are gone
    assert excluded == {"OVER_LIMIT": 1}
    assert "late" not in kept  # yet an encounter stands once, by its least margin


def drawn(seed: int, count: int) -> list[Sighting]:
    """Records with every kind of duplicate, near ones in chains, of two models."""
    draw = np.random.default_rng(seed)
    rows = [sighting(1)]
    for number in range(2, count):
        like = rows[int(draw.integers(len(rows)))]
        made = sighting(
            number, margin=float(draw.integers(8)) / 8, model_digest=draw.choice(["", "m"])
        )
        match draw.integers(8):
            case 0:
                made = replace(made, encounter_id=like.encounter_id)
            case 1:
                made = replace(made, frame_digest=like.frame_digest)
            case 2 | 3:
                near = like.embedding + draw.normal(size=32).astype(np.float32) * 0.015
                made = replace(made, embedding=near)
            case 4:
                made = replace(made, consent=False)
            case _:
                pass
        rows.append(made)
    return rows


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    room=st.sampled_from([1, 16, 40, 1000]),
    limit=st.sampled_from([3, 20, 200]),
    cuts=st.lists(st.integers(0, 80), max_size=12),
)
def test_however_it_is_read_in_pieces_the_candidates_are_the_same(
    seed: int, room: int, limit: int, cuts: list[int]
) -> None:
    rows = drawn(seed, 80)
    policy = POLICY.model_copy(update={"kept_embeddings": room, "max_candidates": limit})
    assert sifted(rows, policy, cuts) == sifted(rows, policy)
