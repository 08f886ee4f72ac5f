"""A record as it stands on the log, undecoded, and the headers that travel with it."""

import re
from typing import Any, Final, NamedTuple, TypeAlias

Headers: TypeAlias = tuple[tuple[str, bytes | None], ...]

_TRACEPARENT: Final = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


class RawMessage(NamedTuple):
    """One record of a partition; `stamp_us` is the broker's stamp in microseconds."""

    topic: str
    partition: int
    offset: int
    stamp_us: int
    key: bytes | None
    value: bytes | None
    headers: Headers

    @classmethod
    def of(cls, message: Any) -> "RawMessage":
        """Take what confluent_kafka read out of its object."""
        return cls(
            message.topic(),
            message.partition(),
            message.offset(),
            message.timestamp()[1] * 1_000,
            message.key(),
            message.value(),
            tuple(message.headers() or ()),
        )


def traceparent(trace_id: str, span_id: str, *, sampled: bool = True) -> tuple[str, bytes]:
    """W3C trace context header (https://www.w3.org/TR/trace-context, version 00).

    Args:
        trace_id: 32 lower-case hexadecimal digits, not all zero.
        span_id: 16 lower-case hexadecimal digits, not all zero.
        sampled: Whether the trace is recorded.

    Raises:
        ValueError: An id breaks the rule; the message shows the header it would have made.
    """
    text = f"00-{trace_id}-{span_id}-{'01' if sampled else '00'}"
    if not _TRACEPARENT.fullmatch(text) or not int(trace_id, 16) or not int(span_id, 16):
        raise ValueError(
            f"traceparent {text!r}: want 32 and 16 lower-case hexadecimal digits, none all zero"
        )
    return "traceparent", text.encode()


def trace_of(headers: Headers) -> tuple[str, str] | None:
    """Trace id and span id of a record, None when its headers carry no valid ones."""
    for name, value in headers:
        if (
            name == "traceparent"
            and value
            and _TRACEPARENT.fullmatch(value.decode("ascii", "replace"))
        ):
            _, trace_id, span_id, _ = value.decode("ascii").split("-")
            return trace_id, span_id
    return None
