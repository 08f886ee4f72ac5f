"""A dead letter keeps the record byte for byte under an id that a crash repeats."""

from typing import Any

import pytest

from consumers.replay import Selection, unusable
from infra.kafka.dead_letters import (
    ATTEMPT_HEADER,
    REPLAY_HEADER,
    letter_id,
    refused,
    replay_headers,
    unwritable,
)
from infra.kafka.messages import RawMessage
from schemas.codec import Codec
from schemas.errors import ErrorClass, RecordError
from schemas.framing import frame
from schemas.registry import FileRegistry
from schemas.topics import DEAD_LETTERS, INFERENCE_EVENTS
from schemas.validation import check
from tests import factories

CODEC = Codec(FileRegistry())
BODY = frame(77, b"\xff\x00")
MESSAGE = RawMessage("ota-acks", 3, 41, 5_000, b"dev-1", BODY, (("h", b"\x00"), ("none", None)))
ERROR = RecordError(ErrorClass.INVALID, "attempt", -1, "counts are not negative")


def test_the_letter_says_where_what_and_why() -> None:
    letter = refused(MESSAGE, "Tx", ERROR)
    assert (letter.topic, letter.topic_id, letter.partition, letter.offset) == (
        ("ota-acks", "Tx", 3, 41)
    )
    assert (letter.key, letter.body, letter.schema_id, letter.ts) == (b"dev-1", BODY, 77, 5_000)
    assert letter.headers == {"h": b"\x00", "none": b""}
    assert (letter.stage, letter.error_class, letter.field) == ("sink", "INVALID", "attempt")
    assert letter.reason == "attempt: -1: counts are not negative"
    assert letter.attempt == 1


def test_the_same_record_gives_the_same_letter_and_another_place_another_id() -> None:
    assert refused(MESSAGE, "Tx", ERROR) == refused(MESSAGE, "Tx", ERROR)
    ids = {
        letter_id("a", 0, 0, "sink"),
        letter_id("b", 0, 0, "sink"),
        letter_id("a", 1, 0, "sink"),
        letter_id("a", 0, 1, "sink"),
        letter_id("a", 0, 0, "rollout"),
    }
    assert len(ids) == 5


@pytest.mark.parametrize(
    "message",
    [
        MESSAGE,
        MESSAGE._replace(value=None, key=None, headers=()),
        MESSAGE._replace(value=b"\xff" * 300_000),
    ],
)
def test_every_letter_is_itself_a_valid_record(message: RawMessage) -> None:
    for letter in (refused(message, "Tx", ERROR), unwritable(message, "Tx", "x" * 5_000)):
        assert CODEC.decode(DEAD_LETTERS, CODEC.encode(DEAD_LETTERS, letter)) == letter
        check(DEAD_LETTERS, letter, letter.ts)


def test_a_replayed_record_says_what_it_replays_and_which_attempt_it_is() -> None:
    first = refused(MESSAGE, "Tx", ERROR)
    headers = replay_headers(first)
    assert dict(headers)[REPLAY_HEADER] == first.event_id.encode()
    again = refused(MESSAGE._replace(offset=90, headers=tuple(headers)), "Tx", ERROR)
    assert (again.attempt, again.source) == (2, "replay:dead-letters")
    assert dict(replay_headers(again)) == {
        "h": b"\x00",
        "none": b"",
        REPLAY_HEADER: again.event_id.encode(),
        ATTEMPT_HEADER: b"3",
    }


@pytest.mark.parametrize("said", [b"", b"-4", b"many", b"1" * 40])
def test_a_forged_attempt_header_counts_as_the_first(said: bytes) -> None:
    message = MESSAGE._replace(headers=((ATTEMPT_HEADER, said),))
    assert refused(message, "Tx", ERROR).attempt == 1


@pytest.mark.parametrize(
    ("condition", "chosen"),
    [
        ({}, True),
        ({"ids": frozenset({"other"})}, False),
        ({"topic": "ota-acks"}, True),
        ({"topic": "devices"}, False),
        ({"error_class": "INVALID", "stage": "sink"}, True),
        ({"error_class": "INVALID", "stage": "rollout"}, False),
    ],
)
def test_all_conditions_of_a_selection_must_hold(condition: dict[str, Any], chosen: bool) -> None:
    assert Selection(**condition).chooses(refused(MESSAGE, "Tx", ERROR)) is chosen


def test_what_would_be_refused_again_is_known_before_it_is_sent() -> None:
    now_us = factories.STAMP_US
    good = CODEC.encode(INFERENCE_EVENTS, factories.inference_event())
    wrong = CODEC.encode(INFERENCE_EVENTS, factories.inference_event(late=-1))
    message = MESSAGE._replace(topic=INFERENCE_EVENTS.name)
    assert unusable(CODEC, refused(message._replace(value=good), "Tx", ERROR), now_us) == ""
    assert "late" in unusable(CODEC, refused(message._replace(value=wrong), "Tx", ERROR), now_us)
    assert unusable(CODEC, refused(message, "Tx", ERROR), now_us)
