"""Answers: one label per encounter, the first that can be used; the rest told by reason."""

from streams.dataset.answers import Answer, labels


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
