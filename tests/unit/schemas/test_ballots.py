"""Several people's answers to one question: whose counts, and what they say together."""

import pytest

from schemas.ballots import Ballot, Refusal, Unlabelled, Vote
from schemas.records import SKIP


def ballot(labels: str, *, needed: int = 1, wanted: int = 1) -> Ballot:
    """One vote for each letter; `-` skipped."""
    made = Ballot(needed, wanted)
    for number, letter in enumerate(labels):
        label = SKIP if letter == "-" else letter
        assert made.take(Vote(f"r{number}", label, f"e{number}")) is None
    return made


@pytest.mark.parametrize(
    ("labels", "needed", "wanted", "label", "why", "tied"),
    [
        ("", 1, 1, None, Unlabelled.UNANSWERED, False),
        ("a", 1, 1, "a", None, False),
        ("-", 1, 1, None, Unlabelled.SKIPPED, False),
        ("a", 1, 2, "a", None, False),  # the second only measures agreement
        ("ab", 1, 2, None, Unlabelled.DISPUTED, True),
        ("a", 2, 2, None, Unlabelled.UNANSWERED, False),
        ("aa", 2, 2, "a", None, False),
        ("a-", 2, 2, "a", None, False),
        ("--", 2, 2, None, Unlabelled.SKIPPED, False),
        ("aab", 3, 3, "a", None, False),
        ("ab-", 3, 3, None, Unlabelled.DISPUTED, True),
        ("abc", 3, 3, None, Unlabelled.DISPUTED, True),
        ("ab", 2, 3, None, Unlabelled.DISPUTED, False),  # the third may settle it
    ],
)
def test_the_label_has_more_votes_than_every_other(
    labels: str, needed: int, wanted: int, label: str | None, why: Unlabelled | None, tied: bool
) -> None:
    made = ballot(labels, needed=needed, wanted=wanted)
    assert (made.label, made.unlabelled, made.tied) == (label, why, tied)
    assert made.open == (len(labels) < wanted)


@pytest.mark.parametrize(("third", "label"), [("a", "a"), ("c", None), (SKIP, None)])
def test_one_more_settles_a_disagreement_or_does_not(third: str, label: str | None) -> None:
    made = ballot("ab", wanted=2)
    assert made.take(Vote("r9", third, "e9")) is Refusal.CLOSED
    made.adjudicate()
    assert made.take(Vote("r9", third, "e9")) is None
    assert made.label == label
    assert not made.open


def test_a_person_has_one_vote_and_may_take_it_back() -> None:
    made = ballot("a", wanted=2)
    assert made.take(Vote("r0", "b", "e7")) is Refusal.REPEATED
    assert made.withdraw("r1", "e0") is Refusal.NOTHING_TO_WITHDRAW
    assert made.withdraw("r0", "e1") is Refusal.NOTHING_TO_WITHDRAW
    assert made.withdraw("r0", "e0") is None
    assert (made.label, made.unlabelled) == (None, Unlabelled.WITHDRAWN)
    assert made.withdraw("r0", "e0") is Refusal.NOTHING_TO_WITHDRAW
    assert made.take(Vote("r0", "a", "e0")) is Refusal.REPEATED  # re-sent after it was withdrawn
    assert made.take(Vote("r0", "b", "e7")) is None
    assert made.label == "b"
