"""Which silences and acknowledgements hold, and for which labels."""

import pytest

from schemas.alert_controls import ControlBook, holds, matcher, matches, problem, spell
from schemas.records import ControlKind, Matcher
from tests import factories

LABELS = {"alertname": "LatencySLOBurn", "hardware": "HW3", "note": "two\nlines"}


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("hardware=HW3", True),
        ("hardware=HW", False),
        ("hardware!=HW4", True),
        ("hardware!=HW3", False),
        ("hardware=~HW[34]", True),
        ("hardware=~HW", False),  # the whole value must match
        ("hardware=~HW|HW3", True),  # the alternatives are anchored together
        ("hardware!~HW", True),
        ("hardware!~HW.*", False),
        ('hardware=~"HW.+"', True),
        ("region=", True),  # a label that is not there is ""
        ("region!=eu", True),
        ("region=~.*", True),
        ("region=~.+", False),
        ("note=~two.lines", False),  # as in Go, a dot is no newline
        ("note=~(?s)two.lines", True),
        ("note=two=lines", False),
    ],
)
def test_matchers_as_alertmanager_reads_them(text: str, held: bool) -> None:
    assert matches([matcher(text)], LABELS) is held


def test_all_matchers_must_hold() -> None:
    assert matches([matcher("hardware=HW3"), matcher("note!=")], LABELS)
    assert not matches([matcher("hardware=HW3"), matcher("note=")], LABELS)


@pytest.mark.parametrize(
    "text", ["", "hardware", "=HW3", "hardware HW3", "hardware=~(", "a=~(?=b)"]
)
def test_what_is_no_matcher_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="matcher"):
        matcher(text)


def test_a_pattern_that_would_take_for_ever_elsewhere_takes_no_time() -> None:
    assert not matches([matcher("a=~(x+x+)+y")], {"a": "x" * 5_000})


def test_a_matcher_is_spelt_as_it_is_typed() -> None:
    assert spell([matcher("a=b"), matcher('c!~"d.*"')]) == 'a="b", c!~"d.*"'


def test_a_control_holds_from_its_start_until_before_its_end() -> None:
    control = factories.alert_control(start_ts=10, end_ts=20)
    assert [holds(control, at) for at in (9, 10, 19, 20)] == [False, True, True, False]
    assert holds(factories.alert_control(start_ts=10, end_ts=None), 10**15)


@pytest.mark.parametrize(
    ("over", "why"),
    [
        ({"matchers": ()}, "at least one matcher"),
        ({"matchers": (Matcher(name="a", op="=~", value=".*"),)}, "at least one matcher"),
        ({"matchers": (Matcher(name="a", op="!=", value="b"),)}, "at least one matcher"),
        ({"matchers": (Matcher(name="a", op="~", value="b"),)}, "operator '~'"),
        ({"matchers": (Matcher(name="a", op="=~", value="("),)}, "missing"),
        ({"matchers": (Matcher(name="", op="=", value="b"),)}, "name is missing"),
        ({"start_ts": 20, "end_ts": 10}, "ends"),
    ],
)
def test_a_control_that_can_never_be_used_says_why(over: dict[str, object], why: str) -> None:
    assert why in str(problem(factories.alert_control(**over)))


def test_the_latest_version_of_a_control_counts() -> None:
    book = ControlBook()
    book.observe(factories.alert_control(start_ts=0, end_ts=100))
    book.observe(factories.alert_control(control_id="c2", start_ts=0, end_ts=100))
    assert len(list(book.active(ControlKind.SILENCE, 50))) == 2
    book.observe(factories.alert_control(start_ts=0, end_ts=50))
    assert [one.control_id for one in book.active(ControlKind.SILENCE, 50)] == ["c2"]
    book.observe(factories.alert_control(control_id="c2", matchers=()))
    assert list(book.active(ControlKind.SILENCE, 50)) == []
    assert list(book.refused) == ["c2"]
