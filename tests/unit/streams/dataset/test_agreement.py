"""Krippendorff's alpha against its author's worked example and against Cohen's kappa."""

import random
from collections import Counter

import pytest

from streams.dataset.agreement import agreement

# K. Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), section C: four observers,
# twelve units, nominal data with gaps; published: alpha = 0.743.
OBSERVERS = (
    "123321412***",
    "1233224125*3",
    "*3332342251*",
    "12332441251*",
)


def test_the_worked_example_of_the_author() -> None:
    units = [[o[place] for o in OBSERVERS if o[place] != "*"] for place in range(12)]
    found = agreement(units)
    assert found is not None
    assert found.alpha == pytest.approx(0.743, abs=0.0005)
    assert found.encounters == 11  # the twelfth was seen by one
    assert found.agreeing == 8


@pytest.mark.parametrize("seed", range(5))
def test_for_two_people_it_nears_cohens_kappa(seed: int) -> None:
    draw = random.Random(seed)
    pairs = []
    for _ in range(4_000):
        truth = draw.choice("aab")
        pairs.append([truth if draw.random() < 0.8 else draw.choice("ab") for _ in range(2)])
    n = len(pairs)
    same = sum(first == second for first, second in pairs) / n
    left, right = (Counter(pair[side] for pair in pairs) for side in (0, 1))
    chance = sum(left[label] * right[label] for label in "ab") / n**2
    kappa = (same - chance) / (1 - chance)
    found = agreement(pairs)
    assert found is not None
    assert found.alpha == pytest.approx(kappa, abs=0.001)


def test_without_two_answers_there_is_none_and_with_one_class_no_alpha() -> None:
    assert agreement([["a"], []]) is None
    found = agreement([["a", "a"], ["a", "a"]])
    assert found is not None
    assert (found.encounters, found.agreeing, found.alpha) == (2, 2, None)
    opposite = agreement([["a", "b"]])
    assert opposite is not None
    assert (opposite.agreeing, opposite.alpha) == (0, 0.0)
