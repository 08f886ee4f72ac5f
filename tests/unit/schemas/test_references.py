"""A release's validation as devices would report it: counted, told as metrics, and checked."""

import numpy as np
import pytest

from schemas.references import Reference, UnsoundReferenceError, from_metrics, regions, to_metrics

SURE, UNSURE = 9, 4


def by_encounter(*answers: list[int]) -> Reference:
    confidence = np.array([np.bincount(one, minlength=10) for one in answers])
    flips = np.arange(len(answers)) % 2
    return Reference.of(confidence, confidence.sum(1)[:, None], flips)


def test_it_tells_how_alike_the_frames_of_an_encounter_are() -> None:
    made = by_encounter([SURE] * 6, [SURE] * 6, [UNSURE] * 2 + [SURE] * 4)
    assert (made.encounters, made.frames, made.flips) == (3, 18, 1)
    less_sure_than_half, flipped = list(made.spread[4]), list(made.spread[9])
    assert less_sure_than_half == [2, 0, 1, 0, 0, 0, 0]
    assert flipped == [2, 1, 0, 0, 0, 0, 0]


def test_an_encounter_between_two_parts_counts_to_both() -> None:
    made = by_encounter([UNSURE] + [SURE] * 3, [SURE] * 4)
    assert list(made.spread[4]) == [1, 0.5, 0.5, 0, 0, 0, 0]  # a quarter is one and a half sixths


def test_of_encounters_of_unlike_lengths_nothing_is_said() -> None:
    assert by_encounter([SURE] * 6, [SURE] * 5).spread == ()


@pytest.mark.parametrize("change", ["less", "negative", "missing"])
def test_a_spread_that_does_not_hold_every_encounter_is_refused(change: str) -> None:
    told = to_metrics(by_encounter([SURE] * 6, [UNSURE] * 6))
    assert from_metrics(told) is not None
    if change == "missing":
        del told["reference/spread/69"]
    else:
        told["reference/spread/0"] = 1.0 if change == "less" else -1.0
    with pytest.raises(UnsoundReferenceError, match="reference of 2 encounters"):
        from_metrics(told)


def test_older_releases_have_a_reference_without_a_spread() -> None:
    told = to_metrics(by_encounter([SURE] * 6, [UNSURE] * 6))
    older = {name: value for name, value in told.items() if "/spread/" not in name}
    found = from_metrics(older)
    assert found is not None
    assert (found.spread, found.frames) == ((), 12)


def test_regions_have_references_of_their_own() -> None:
    whole, north = by_encounter([SURE] * 6, [UNSURE] * 6), by_encounter([UNSURE] * 6)
    told = to_metrics(whole) | to_metrics(north, "north")
    assert regions(told) == {"north"}
    assert (from_metrics(told), from_metrics(told, "north")) == (whole, north)
    assert from_metrics(told, "coast") is None
