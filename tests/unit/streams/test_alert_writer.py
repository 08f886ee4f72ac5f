"""What a worker may say of an alert: once, after the log's last word, again when it was lost."""

from schemas.alert_log import AlertBook
from schemas.records import AlertState
from streams.alert_writer import AGAIN_AFTER_US, AlertWriter
from tests import factories

IDENTITY = factories.alert().fingerprint


def _heard(**over: object) -> tuple[AlertBook, AlertWriter]:
    book = AlertBook()
    book.observe(factories.alert(seq=0, state=AlertState.FIRING, watermark=100, **over))
    return book, AlertWriter(book)


def test_one_record_of_an_alert_is_on_its_way_at_a_time() -> None:
    book, writer = _heard()
    assert writer.claim(IDENTITY, 1_000) == 1
    assert writer.claim(IDENTITY, 1_000 + AGAIN_AFTER_US - 1) is None
    book.observe(factories.alert(seq=1, state=AlertState.RESOLVED))
    assert writer.claim(IDENTITY, 1_001) == 2


def test_a_record_not_read_back_is_said_again_and_no_clock_that_went_back_stops_it() -> None:
    for later_us in (1_000 + AGAIN_AFTER_US, 999):
        _, writer = _heard()
        assert writer.claim(IDENTITY, 1_000) == 1
        assert writer.claim(IDENTITY, later_us) == 1


def test_what_the_log_says_or_knows_better_is_not_said() -> None:
    _, writer = _heard()
    assert writer.said(IDENTITY, AlertState.FIRING, 200), "it says so"
    assert writer.said(IDENTITY, AlertState.RESOLVED, 99), "its word is of a later moment"
    assert not writer.said(IDENTITY, AlertState.RESOLVED, 100)


def test_an_end_without_a_beginning_is_not_said() -> None:
    writer = AlertWriter(AlertBook())
    assert writer.said("unknown", AlertState.RESOLVED, 1)
    assert not writer.said("unknown", AlertState.FIRING, 1)
    assert writer.claim("unknown", 1) == 0
