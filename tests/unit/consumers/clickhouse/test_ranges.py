"""Range arithmetic: every outcome once, and the laws between them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.clickhouse.ranges import Place, Range, Relation

offsets = st.integers(min_value=0, max_value=30)
ranges = st.tuples(offsets, offsets).map(lambda ends: Range(min(ends), max(ends)))


@pytest.mark.parametrize(
    ("other", "relation"),
    [
        (Range(10, 19), Relation.SAME),
        (Range(20, 25), Relation.NEXT),
        (Range(21, 25), Relation.AFTER),
        (Range(0, 9), Relation.BEFORE),
        (Range(12, 15), Relation.INSIDE),
        (Range(10, 15), Relation.INSIDE),
        (Range(5, 25), Relation.CONTAINS),
        (Range(15, 25), Relation.OVERLAPS),
        (Range(5, 15), Relation.OVERLAPS),
    ],
)
def test_how_another_range_stands(other: Range, relation: Relation) -> None:
    assert Range(10, 19).relation(other) is relation


@given(ranges, ranges)
def test_relation_agrees_with_the_sets_of_offsets(one: Range, other: Range) -> None:
    a, b = set(range(one.first, one.last + 1)), set(range(other.first, other.last + 1))
    apart = {Relation.NEXT, Relation.AFTER, Relation.BEFORE}
    found = one.relation(other)
    assert (found in apart) == (not a & b)
    assert (found is Relation.SAME) == (a == b)
    assert (found is Relation.INSIDE) == (b < a)
    assert (found is Relation.CONTAINS) == (a < b)


@given(ranges, offsets)
def test_place_agrees_with_the_set_of_offsets(one: Range, offset: int) -> None:
    place = one.place(offset)
    assert (place in {Place.INSIDE, Place.LAST}) == (one.first <= offset <= one.last)
    assert (place is Place.LAST) == (offset == one.last)
    assert (place is Place.BEFORE) == (offset < one.first)


@pytest.mark.parametrize(("first", "last"), [(5, 4), (-1, 3)])
def test_a_range_has_its_ends_in_order(first: int, last: int) -> None:
    with pytest.raises(ValueError, match=f"range {first}-{last}"):
        Range(first, last)
