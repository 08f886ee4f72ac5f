"""The wire header: what opens a value, and what is told when it does not."""

import pickle

import pytest

from schemas.errors import ErrorClass, FramingError, RecordError, shown
from schemas.framing import frame, unframe


def test_a_framed_body_comes_back() -> None:
    assert frame(1, b"body") == b"\x00\x00\x00\x00\x01body"
    assert unframe(frame(2**31 - 1, b"")) == (2**31 - 1, b"")


@pytest.mark.parametrize("schema_id", [0, -1, 2**31])
def test_an_id_that_no_registry_gives_is_refused(schema_id: int) -> None:
    with pytest.raises(FramingError, match="a schema id is in"):
        frame(schema_id, b"")


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        (None, "a tombstone is not a record"),
        (b"", "header of 5 bytes"),
        (b"\x00\x00\x00\x01", "header of 5 bytes"),
        (b'{"json": true}', "the first byte of a value is 0"),
    ],
)
def test_a_value_without_the_header_is_refused(value: bytes | None, rule: str) -> None:
    with pytest.raises(FramingError, match=rule) as caught:
        unframe(value)
    assert caught.value.error_class is ErrorClass.FRAMING


def test_an_error_names_field_value_and_rule() -> None:
    error = RecordError("INVALID", "latency.counts", -3, "is at least 0")
    assert str(error) == "latency.counts: -3: is at least 0"


def test_a_long_value_is_shown_shortened() -> None:
    assert len(shown("x" * 10_000)) <= 120
    assert shown(b"\xff" * 100) == f"100 bytes 0x{'ff' * 16}..."


@pytest.mark.parametrize(
    "error", [RecordError("AVRO", "a.b", 1, "rule"), FramingError(None, "rule")]
)
def test_an_error_survives_pickling(error: RecordError) -> None:
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - bytes of our own
    assert (str(again), again.error_class, type(again)) == (
        str(error),
        error.error_class,
        type(error),
    )
