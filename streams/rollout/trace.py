"""A rollout as somebody wrote it down: lines of JSON in the order of ingestion."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from schemas.codec import newest_shape
from schemas.decisions import decision_id
from schemas.errors import RecordError
from schemas.from_json import record_from
from schemas.records import InferenceEvent, ModelRelease, ReleaseKind
from schemas.registry import FileRegistry
from schemas.topics import (
    DEVICES,
    DISENGAGEMENTS,
    EDGE_CASES,
    INFERENCE_EVENTS,
    MODEL_RELEASES,
    OTA_ACKS,
    ROLLOUT_COMMANDS,
    TopicSpec,
)
from schemas.validation import check

TOPICS: Final[Mapping[str, TopicSpec]] = {
    spec.name: spec
    for spec in (
        OTA_ACKS,
        INFERENCE_EVENTS,
        DISENGAGEMENTS,
        EDGE_CASES,
        MODEL_RELEASES,
        ROLLOUT_COMMANDS,
        DEVICES,
    )
}
_KEYS: Final = {"at", "topic", "value"}
SOURCE: Final = "replay:trace"
NOT_STATED: Final = "NOT_STATED"


class TraceError(ValueError):
    """The trace cannot be followed: a line is no line of it; the message names the line."""


@dataclass(frozen=True, slots=True)
class Line:
    """One record of a trace: its line, when the broker would have stamped it, and where it goes."""

    number: int
    at_us: int
    topic: TopicSpec
    record: Any


@dataclass(frozen=True, slots=True)
class Refusal:
    """A line that says what no record may say, as the sink would dead-letter it."""

    number: int
    at_us: int
    topic: str
    reason: str


def read_trace(text: Iterable[str]) -> Iterator[Line | Refusal]:
    """The lines of a trace. Decisions in it are passed over: they are what a replay is to find.

    Raises:
        TraceError: A line is no JSON, lacks a key, names another topic or goes back in time.
    """
    shapes = {name: newest_shape(FileRegistry(), spec) for name, spec in TOPICS.items()}
    latest = 0
    for number, line in enumerate(text, start=1):
        if not line.strip():
            continue
        at_us, topic, value = _parts(number, line)
        if at_us < latest:
            raise TraceError(f"line {number}: at={at_us} is before {latest}, the line before it")
        latest = at_us
        try:
            record = _completed(number, at_us, record_from(shapes[topic], value))
            check(topic, record, at_us)
        except RecordError as error:
            yield Refusal(number, at_us, topic, str(error))
            continue
        if not (isinstance(record, ModelRelease) and record.kind is not ReleaseKind.PROPOSED):
            yield Line(number, at_us, TOPICS[topic], record)


def _parts(number: int, line: str) -> tuple[int, str, Any]:
    try:
        parts = json.loads(line)
    except ValueError as error:
        raise TraceError(f"line {number}: no JSON: {error}") from error
    if not isinstance(parts, dict) or set(parts) != _KEYS:
        raise TraceError(f"line {number}: its keys are at, topic and value")
    at_us, topic = parts["at"], parts["topic"]
    if isinstance(at_us, bool) or not isinstance(at_us, int) or at_us < 0:
        raise TraceError(f"line {number}: at={at_us!r} must be whole microseconds UTC")
    if topic not in TOPICS:
        raise TraceError(f"line {number}: topic={topic!r} is none of {', '.join(TOPICS)}")
    return at_us, topic, parts["value"]


def _completed(number: int, at_us: int, record: Any) -> Any:
    """What a writer would have added: identity, source, region, and latencies nobody stated.

    The gate counts late and missing frames; it does not read the histogram.
    """
    added: dict[str, Any] = {
        "event_id": record.event_id or f"line-{number}",
        "source": record.source or SOURCE,
    }
    if getattr(record, "region", None) == "":
        added["region"] = NOT_STATED
    if isinstance(record, InferenceEvent) and not record.latency.counts:
        judged = max(0, record.produced - record.warmup)
        added["latency"] = replace(record.latency, zero_count=judged)
    if isinstance(record, ModelRelease):
        added["decided_ts"] = record.decided_ts or at_us
        added["decision_id"] = decision_id(record.release_id, 0)
    return replace(record, **added)
