"""Trace headers: W3C form or refused."""

import pytest

from infra.kafka.messages import trace_of, traceparent

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"


def test_a_trace_travels_in_a_header() -> None:
    header = traceparent(TRACE, SPAN)
    assert header == ("traceparent", f"00-{TRACE}-{SPAN}-01".encode())
    assert trace_of((("other", None), header)) == (TRACE, SPAN)


@pytest.mark.parametrize(
    ("trace_id", "span_id"),
    [(TRACE.upper(), SPAN), (TRACE[:-1], SPAN), ("0" * 32, SPAN), (TRACE, "0" * 16)],
)
def test_ids_that_break_the_rule_are_shown(trace_id: str, span_id: str) -> None:
    with pytest.raises(ValueError, match=r"traceparent '00-.*none all zero"):
        traceparent(trace_id, span_id)


@pytest.mark.parametrize("value", [None, b"", b"00-x-y-01", b"\xff\xfe"])
def test_a_damaged_header_is_no_trace(value: bytes | None) -> None:
    assert trace_of((("traceparent", value),)) is None
