"""Which records an erasure covers: those of its device, stamped no later than itself."""

from schemas.erasures import OF_DEVICES, Erased, ErasureBook
from schemas.facts import Fact
from tests import factories


def erasure(device_id: str, stamp_us: int, event_id: str = "e1") -> Fact:
    record = factories.erasure(device_id=device_id, event_id=event_id)
    return Fact(topic="erasures", partition=0, offset=0, stamp_us=stamp_us, record=record)


def test_a_record_is_covered_up_to_the_stamp_of_the_erasure_and_not_after() -> None:
    book = ErasureBook()
    assert not book
    assert book.covering("d", 0) is None
    assert book.observe(erasure("d", 100)) == Erased("e1", "d", 100)
    assert book
    assert book.covering("d", 100) == Erased("e1", "d", 100)
    assert book.covering("d", 101) is None
    assert book.covering("other", 1) is None


def test_a_second_erasure_of_a_device_covers_all_that_the_first_did() -> None:
    book = ErasureBook([Erased("e1", "d", 100)])
    book.observe(erasure("d", 200, "e2"))
    assert [each.erasure_id for each in book.all()] == ["e2"]
    assert book.covering("d", 50) == book.covering("d", 200) == Erased("e2", "d", 200)
    assert book.devices() == ["d"]


def test_what_devices_write_and_what_is_said_of_them_can_be_erased_the_order_cannot() -> None:
    assert sorted(OF_DEVICES) == [
        "devices",
        "disengagements",
        "edge-cases",
        "inference-events",
        "label-requests",
        "label-reviews",
        "ota-acks",
    ]
