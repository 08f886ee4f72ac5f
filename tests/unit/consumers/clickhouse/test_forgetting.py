"""Records of an erased device become places; everything else of the batch stays as it was."""

import pytest

from consumers.clickhouse.forgetting import PLACES, places
from consumers.clickhouse.lanes import Closed
from consumers.clickhouse.preparation import Preparation
from consumers.clickhouse.prepared import ErasedPlace, Prepared
from infra.kafka.message_columns import MessageColumns
from infra.kafka.messages import RawMessage
from schemas.codec import Codec
from schemas.erasures import Erased, ErasureBook
from schemas.records import DeadLetter
from schemas.registry import FileRegistry
from schemas.topics import ALERTS, DEAD_LETTERS, OTA_ACKS, TopicSpec
from tests import factories

REGISTRY = FileRegistry()
CODEC = Codec(REGISTRY)
GONE = Erased("e1", "gone", factories.STAMP_US)


def ack(device_id: str) -> bytes:
    return CODEC.encode(OTA_ACKS, factories.ota_ack(device_id=device_id))


def prepared(
    topic: TopicSpec, *values: tuple[bytes, bytes, int], erased: tuple[Erased, ...] = (GONE,)
) -> Prepared:
    """A batch of (key, value, stamp relative to the erasure) from offset 10 on."""
    messages = tuple(
        RawMessage(topic.name, 1, 10 + at, factories.STAMP_US + later, key, value, ())
        for at, (key, value, later) in enumerate(values)
    )
    preparation = Preparation(REGISTRY, [topic], lambda: ErasureBook(erased))
    closed = Closed.of(MessageColumns.of(messages))
    return preparation.prepare(topic.name, 1, "topic-id", closed)


def offsets(batch: Prepared) -> tuple[list[int], list[int], list[int]]:
    """Of rows, letters and erased records."""
    assert [message.offset for message in batch.messages] == batch.rows["_offset"].to_pylist()
    return (
        batch.rows["_offset"].to_pylist(),
        [letter.offset for letter in batch.letters],
        [place.offset for place in batch.erased],
    )


def test_rows_and_letters_of_an_erased_device_go_and_leave_their_places() -> None:
    batch = prepared(
        OTA_ACKS,
        (b"kept", ack("kept"), 0),
        (b"gone", ack("gone"), 0),
        (b"gone", ack("gone"), 1),  # it registered again
        (b"gone", b"\xffunreadable", 0),
        (b"kept", b"\xffunreadable", 0),
        (b"other key", ack("gone"), -1),
    )
    assert offsets(batch) == ([10, 12], [14], [11, 13, 15])
    assert batch.erased[0] == ErasedPlace(11, GONE)


def test_without_an_erasure_that_covers_anything_the_batch_is_the_same() -> None:
    values = (b"kept", ack("kept"), 0), (b"gone", ack("gone"), 1), (b"x", b"\xff", 0)
    with_it, without = prepared(OTA_ACKS, *values), prepared(OTA_ACKS, *values, erased=())
    assert with_it.rows.equals(without.rows)
    assert list(with_it.messages) == list(without.messages)
    assert with_it.letters == without.letters
    assert offsets(with_it)[2] == []


@pytest.mark.parametrize(
    ("letter", "is_gone"),
    [
        (factories.dead_letter(topic="ota-acks", key=b"gone", ts=GONE.until_us), True),
        (factories.dead_letter(topic="ota-acks", key=b"gone", ts=GONE.until_us + 1), False),
        (factories.dead_letter(topic="ota-acks", key=b"kept", ts=GONE.until_us), False),
        (factories.dead_letter(topic="ota-acks", key=None, ts=GONE.until_us), False),
        (factories.dead_letter(topic="model-releases", key=b"gone", ts=0), False),
    ],
)
def test_a_letter_is_forgotten_by_the_stamp_of_its_record_not_by_its_own(
    letter: DeadLetter, is_gone: bool
) -> None:
    body = CODEC.encode(DEAD_LETTERS, letter)
    batch = prepared(DEAD_LETTERS, (b"ota-acks", body, 60_000_000))
    assert offsets(batch) == (([], [], [10]) if is_gone else ([10], [], []))


def test_records_that_are_about_no_device_are_left_alone() -> None:
    batch = prepared(ALERTS, (b"gone", CODEC.encode(ALERTS, factories.alert()), 0))
    assert offsets(batch) == ([10], [], [])


def test_the_places_are_rows_of_their_table() -> None:
    batch = prepared(OTA_ACKS, (b"gone", ack("gone"), 0), (b"gone", b"\xff", 0))
    rows = places(OTA_ACKS.name, "topic-id", 1, batch)
    assert list(PLACES.types) == rows.schema.names
    assert rows.to_pylist() == [
        {
            "topic": "ota-acks",
            "topic_id": "topic-id",
            "partition": 1,
            "offset": offset,
            "erasure_id": "e1",
        }
        for offset in (10, 11)
    ]
