"""Identity of alerts, equal to Alertmanager's, and the one sequence of their steps."""

from dataclasses import replace

import pytest

from schemas import alert_log
from schemas.alert_log import AlertBook, Verdict
from schemas.records import AlertState
from tests import factories


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({}, 14695981039346656037),
        ({"name": "garland, briggs", "fear": "love is not enough"}, 5799056148416392346),
    ],
)
def test_fingerprints_are_those_of_prometheus_common(labels: dict[str, str], expected: int) -> None:
    assert alert_log.fingerprint(labels) == f"{expected:016x}"
    assert alert_log.fingerprint(dict(reversed(labels.items()))) == f"{expected:016x}"


def test_the_first_record_with_the_next_seq_wins_and_the_others_are_void() -> None:
    first = factories.alert(fingerprint="f", seq=0, state=AlertState.FIRING)
    book = AlertBook()
    assert book.next_seq("f") == 0
    assert book.observe(first) is Verdict.VALID
    assert [alert.seq for alert in book.firing()] == [0]
    resolved = replace(first, seq=1, state=AlertState.RESOLVED)
    assert book.observe(replace(first, seq=2)) is Verdict.VOID
    assert book.observe(resolved) is Verdict.VALID
    assert book.observe(replace(first, seq=1)) is Verdict.VOID
    assert book.last("f") == resolved
    assert book.next_seq("f") == 2
    assert list(book.firing()) == []


def test_after_retention_a_sequence_may_begin_later() -> None:
    book = AlertBook()
    assert book.observe(factories.alert(fingerprint="f", seq=17)) is Verdict.VALID
    assert book.next_seq("f") == 18


def test_ids_are_functions_of_what_they_name() -> None:
    assert alert_log.alert_id("f", 1) == alert_log.alert_id("f", 1)
    assert alert_log.alert_id("f", 1) != alert_log.alert_id("f", 2)
    assert alert_log.event_id("f", 1) != alert_log.event_id("f", 2)
