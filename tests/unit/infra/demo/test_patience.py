"""The story ends with a sentence when nothing moves, and not while something does."""

import pytest

from infra.demo.patience import STILL_S, Patience, StoryError

LIMIT_S = 10 * STILL_S


def test_a_story_that_stands_still_ends_and_says_where() -> None:
    patience = Patience(100.0, LIMIT_S)
    patience.check(110.0, "stage", "the rollback of r3")
    patience.told("r3: wave 2 opens in AI5")
    patience.check(110.0 + STILL_S, "stage", "the rollback of r3")
    with pytest.raises(StoryError) as error:
        patience.check(111.0 + STILL_S, "stage", "the rollback of r3")
    assert str(error.value) == (
        f"the story has stood still for {STILL_S + 1:.0f} s: it waits for the rollback of r3; the "
        "last it told was: r3: wave 2 opens in AI5; the logs of the workers say why"
    )


def test_a_slow_story_goes_on_as_long_as_something_moves() -> None:
    patience = Patience(0.0, LIMIT_S)
    for step in range(9):
        patience.check((step + 1) * STILL_S, step, "2 completed releases")


def test_a_story_that_moves_for_ever_ends_too() -> None:
    patience = Patience(0.0, 300.0)
    for step in range(30):
        patience.check(step * 10.0, step, "a page")
    with pytest.raises(StoryError, match=r"not over after 301 s: it waits for a page; .*--limit-s"):
        patience.check(301.0, 31, "a page")
