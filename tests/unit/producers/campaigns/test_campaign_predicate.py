"""The predicate language: what it means, what it refuses and where, and nothing else."""

import random
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from producers.campaigns.predicate import MAX_COMPARISONS, MAX_DEPTH, parse
from producers.campaigns.signals import KINDS, Signals
from producers.campaigns.tokens import MAX_CHARACTERS, PredicateError

SEEN = Signals(
    confidence=0.4,
    margin=0.1,
    entropy=1.2,
    flips=2,
    late=0,
    speed_mps=12.5,
    top1="stop",
    last_top1="yield",
    weather=None,
    light="NIGHT",
    region="city",
    hardware="HW3",
    device_class="VEHICLE",
)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("margin < 0.2", True),
        ("margin<.1", False),
        ("margin <= 1e-1", True),
        ("flips >= 2 and late == 0", True),
        ("flips > 2 or confidence != .4", False),
        ('light == "NIGHT" and not region in ["alps", "north"]', True),
        ('top1 in ["stop"] and last_top1 != "stop"', True),
        ("flips in [1, 2, 3]", True),
        ("speed_mps > -5", True),
        # and binds closer than or, not closest of all
        ("flips == 9 and flips == 9 or flips == 2", True),
        ("flips == 2 or flips == 9 and flips == 9", True),
        ("(flips == 2 or flips == 9) and flips == 9", False),
        ("not flips == 9 and flips == 2", True),
        ("not (flips == 9 or flips == 2)", False),
        ("not not flips == 2", True),
        # what is not known compares with nothing, and not turns that round
        ('weather == "RAIN"', False),
        ('weather != "RAIN"', False),
        ('not weather == "RAIN"', True),
        ('weather in ["RAIN", "FOG"]', False),
    ],
)
def test_a_predicate_means_what_it_says(text: str, *, holds: bool) -> None:
    assert parse(text).holds(SEEN) is holds


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "character 1: wanted a signal .*; found its end"),
        ("margin", "character 7: wanted <, <=, >, >=, ==, != or in; found its end"),
        ("margin < ", "wanted a number, since margin is one; found its end"),
        ('margin < "0.2"', "character 10: wanted a number"),
        ("light == NIGHT", "character 10: wanted a text in double quotes"),
        ('light < "NIGHT"', "character 7: wanted ==, != or in, since light is a text"),
        ("brightness < 1", "wanted a signal .*; found 'brightness < 1'"),
        ("margin < 0.2 flips > 1", "character 14: wanted 'and', 'or' or the end"),
        ("(margin < 0.2", r"wanted '\)'; found its end"),
        ("margin in []", "wanted a number"),
        ("flips in [1 2]", r"wanted '\]'"),
        ("0.2 > margin", "wanted a signal"),
        ("margin < 1 + 1", "character 12: a signal, a number"),
        ("margin.__class__ == 1", "character 7: a signal, a number"),
        ('light == "N"GHT"', "wanted 'and', 'or' or the end"),
        ("__import__('os')", "wanted a signal"),
        ("margin = 1", "character 8: a signal, a number"),
        ("and", "wanted a signal"),
    ],
)
def test_what_is_none_is_refused_with_the_place_and_what_is_wanted(text: str, said: str) -> None:
    with pytest.raises(PredicateError, match=said):
        parse(text)


def test_size_and_depth_are_bounded() -> None:
    one = "flips > 1"
    parse(" or ".join([one] * MAX_COMPARISONS))
    with pytest.raises(PredicateError, match=f"at most {MAX_COMPARISONS} comparisons"):
        parse(" or ".join([one] * (MAX_COMPARISONS + 1)))
    parse("(" * MAX_DEPTH + one + ")" * MAX_DEPTH)
    for deep in ("(" * 500, "not " * 250, "not (" * 100):
        with pytest.raises(PredicateError, match=f"at most {MAX_DEPTH} levels"):
            parse(deep + one)
    with pytest.raises(PredicateError, match=f"at most {MAX_CHARACTERS} characters"):
        parse(one + " " * MAX_CHARACTERS)


NUMBERS = [name for name, kind in KINDS.items() if kind is float]
TEXTS = [name for name, kind in KINDS.items() if kind is str]
CONSTANTS = [0.0, 0.1, 0.4, 1.2, 2.0, 12.5, -3.0]
WORDS = ["stop", "NIGHT", "city", "HW3", "and"]

Tree = Any


def trees() -> st.SearchStrategy[Tree]:
    ordered = st.tuples(
        st.sampled_from(["<", "<=", ">", ">=", "==", "!="]),
        st.sampled_from(NUMBERS),
        st.sampled_from(CONSTANTS),
    )
    equal = st.tuples(st.sampled_from(["==", "!="]), st.sampled_from(TEXTS), st.sampled_from(WORDS))
    within = st.tuples(
        st.just("in"),
        st.sampled_from(TEXTS),
        st.lists(st.sampled_from(WORDS), min_size=1, max_size=3),
    )
    return st.recursive(
        ordered | equal | within,
        lambda inner: (
            st.tuples(st.just("not"), inner)
            | st.tuples(st.sampled_from(["and", "or"]), inner, inner)
        ),
        max_leaves=12,
    )


def spelt(tree: Tree) -> str:
    match tree:
        case ("not", inner):
            return f"not ({spelt(inner)})"
        case (("and" | "or") as word, left, right):
            return f"({spelt(left)}) {word} ({spelt(right)})"
        case ("in", name, values):
            return f"{name} in [{', '.join(map(_quoted, values))}]"
        case (sign, name, value):
            return f"{name} {sign} {_quoted(value)}"
    raise AssertionError(tree)


def _quoted(value: float | str) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


def meant(tree: Tree, signals: Signals) -> bool:
    match tree:
        case ("not", inner):
            return not meant(inner, signals)
        case ("and", left, right):
            return meant(left, signals) and meant(right, signals)
        case ("or", left, right):
            return meant(left, signals) or meant(right, signals)
        case ("in", name, values):
            return getattr(signals, name) in values
        case (sign, name, value):
            seen = getattr(signals, name)
            if seen is None:
                return False
            order = (seen > value) - (seen < value)
            signs = {"<": [-1], "<=": [-1, 0], ">": [1], ">=": [1, 0], "==": [0], "!=": [-1, 1]}
            return order in signs[sign]
    raise AssertionError(tree)


def depth(tree: Tree) -> int:
    match tree:
        case ("not", inner):
            return 2 + depth(inner)
        case (("and" | "or"), left, right):
            return 1 + max(depth(left), depth(right))
    return 0


@given(tree=trees(), known=st.booleans(), light=st.sampled_from(["NIGHT", "DAY", None]))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_predicate_is_what_a_plain_reading_of_it_says(
    tree: Tree, light: str | None, *, known: bool
) -> None:
    signals = replace(SEEN, light=light, speed_mps=12.5 if known else None)
    if depth(tree) > MAX_DEPTH:
        with pytest.raises(PredicateError):
            parse(spelt(tree))
    else:
        assert parse(spelt(tree)).holds(signals) is meant(tree, signals)


@given(text=st.text(max_size=80))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_text_is_a_predicate_or_refused_and_nothing_else(text: str) -> None:
    with suppress(PredicateError):
        parse(text).holds(SEEN)


@pytest.mark.parametrize("seed", range(4))
def test_any_row_of_words_of_the_language_is_a_predicate_or_refused(seed: int) -> None:
    drawn = random.Random(seed)
    words = ["and", "or", "not", "(", ")", "flips > 1", 'light == "x"', "flips in [1]", "in", "1"]
    accepted = 0
    for _ in range(3_000):
        text = " ".join(drawn.choices(words, k=drawn.randint(1, 9)))
        try:
            parse(text).holds(SEEN)
            accepted += 1
        except PredicateError:
            continue
    assert accepted, f"seed {seed}: some of them are predicates"
