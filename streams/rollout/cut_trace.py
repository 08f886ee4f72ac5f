"""A trace that was cut from a run: every record with its place on the log, as lines of JSON.

The first line names the release it was cut for. Every other line is a fact: `at` (the broker's
stamp, microseconds), `topic`, `partition`, `offset` and `value`. They stand in the order of their
stamps; of one stamp by topic, partition and offset.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any, Final

from schemas.codec import newest_shape
from schemas.errors import RecordError
from schemas.facts import Fact
from schemas.from_json import record_from
from schemas.registry import FileRegistry
from schemas.topics import ROLLOUT_PARTIALS
from streams.rollout.trace import TOPICS, TraceError

CUT_TOPICS: Final = {**TOPICS, ROLLOUT_PARTIALS.name: ROLLOUT_PARTIALS}
_HEAD: Final = "release"
_KEYS: Final = {"at", "topic", "partition", "offset", "value"}


def head(release_id: str) -> str:
    """The first line."""
    return json.dumps({_HEAD: release_id})


def written(fact: Fact) -> str:
    """A fact as a line."""
    line = {
        "at": fact.stamp_us,
        "topic": fact.topic,
        "partition": fact.partition,
        "offset": fact.offset,
        "value": asdict(fact.record),
    }
    return json.dumps(line, separators=(",", ":"), default=_plain)


def cut_for(text: Iterable[str]) -> tuple[str | None, Iterator[str]]:
    """The release that a trace was cut for, and its other lines; None: somebody wrote it."""
    lines = iter(text)
    first = next(lines, None)
    if first is None:
        return None, lines
    try:
        named = json.loads(first)
    except ValueError:
        named = None
    if isinstance(named, dict) and set(named) == {_HEAD} and isinstance(named[_HEAD], str):
        return named[_HEAD], lines
    return None, _before(first, lines)


def read_cut(lines: Iterable[str]) -> Iterator[Fact]:
    """The facts of a cut trace, without its first line.

    Raises:
        TraceError: A line is none that was cut, or its record cannot be read; it names the line.
    """
    shapes = {name: newest_shape(FileRegistry(), spec) for name, spec in CUT_TOPICS.items()}
    for number, line in enumerate(lines, start=2):
        parts = _parts(number, line)
        topic = parts["topic"]
        if topic not in shapes:
            raise TraceError(f"line {number}: topic={topic!r} is none of {', '.join(shapes)}")
        try:
            record = record_from(shapes[topic], parts["value"])
        except RecordError as error:
            raise TraceError(f"line {number}: {topic}: {error}") from error
        yield Fact(
            topic=topic,
            partition=parts["partition"],
            offset=parts["offset"],
            stamp_us=parts["at"],
            record=record,
        )


def _parts(number: int, line: str) -> dict[str, Any]:
    try:
        parts = json.loads(line)
    except ValueError as error:
        raise TraceError(f"line {number}: no JSON: {error}; cut the trace again") from error
    if not isinstance(parts, dict) or set(parts) != _KEYS:
        raise TraceError(f"line {number}: its keys are {', '.join(sorted(_KEYS))}")
    for name in ("at", "partition", "offset"):
        if isinstance(parts[name], bool) or not isinstance(parts[name], int) or parts[name] < 0:
            raise TraceError(f"line {number}: {name}={parts[name]!r} must be a whole number")
    return parts


def _before(first: str, lines: Iterator[str]) -> Iterator[str]:
    yield first
    yield from lines


def _plain(value: object) -> str:
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(f"{type(value).__name__} has no JSON")
