"""What becomes of a record that cannot be used: its dead letter, kept byte for byte; pure."""

import hashlib
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from infra.kafka.messages import Headers, RawMessage
from schemas.erasures import OF_DEVICES, Erased, ErasureBook
from schemas.errors import FramingError, RecordError
from schemas.framing import unframe
from schemas.records import DeadLetter

SINK_STAGE: Final = "sink"
UNWRITABLE: Final = "UNWRITABLE"
REASON_CHARACTERS: Final = 1_000
LIVE: Final = "live"
REPLAY_HEADER: Final = "fleetloop-replay-of"
ATTEMPT_HEADER: Final = "fleetloop-replay-attempt"


def letter_id(topic_id: str, partition: int, offset: int, stage: str) -> str:
    """Identity of a dead letter: SHA-256 (hex, 32 digits) of where the record stands, and stage.

    Writing it again after a crash gives the same id, so readers count it once.
    """
    text = f"{topic_id}/{partition}/{offset}/{stage}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def refused(message: RawMessage, topic_id: str, error: RecordError) -> DeadLetter:
    """The sink's dead letter of a record it could not read or that breaks a rule."""
    return letter(
        message,
        topic_id,
        stage=SINK_STAGE,
        error_class=error.error_class.value,
        field=error.field or None,
        reason=str(error),
    )


def unwritable(message: RawMessage, topic_id: str, reason: str) -> DeadLetter:
    """The sink's dead letter of a readable, valid record that ClickHouse refuses."""
    return letter(
        message, topic_id, stage=SINK_STAGE, error_class=UNWRITABLE, field=None, reason=reason
    )


def erased(letter: DeadLetter, book: ErasureBook) -> Erased | None:
    """The erasure that the letter's record falls under: by its own stamp, not the letter's."""
    if letter.topic not in OF_DEVICES or letter.key is None:
        return None
    return book.covering(letter.key.decode(errors="replace"), letter.ts)


def code_version() -> str:
    """Version of this program, `source` when it runs from a tree that is not installed."""
    try:
        return version("fleetloop")
    except PackageNotFoundError:
        return "source"


def letter(
    message: RawMessage,
    topic_id: str,
    *,
    stage: str,
    error_class: str,
    field: str | None,
    reason: str,
) -> DeadLetter:
    """The dead letter of a record as it stands on the log.

    Args:
        message: The record.
        topic_id: Identity of its log.
        stage: Who refuses it.
        error_class: Of `schemas.errors.ErrorClass`, or UNWRITABLE.
        field: What is wrong, as a dotted path.
        reason: Why, in a sentence; cut to REASON_CHARACTERS.
    """
    return DeadLetter(
        event_id=letter_id(topic_id, message.partition, message.offset, stage),
        source=_source(message.headers),
        topic=message.topic,
        topic_id=topic_id,
        partition=message.partition,
        offset=message.offset,
        ts=message.stamp_us,
        schema_id=_schema_id(message.value),
        key=message.key,
        headers={name: value or b"" for name, value in message.headers},
        body=message.value or b"",
        stage=stage,
        error_class=error_class,
        field=field,
        reason=reason[:REASON_CHARACTERS],
        code_version=code_version(),
        attempt=attempt(message.headers),
    )


def attempt(headers: Headers) -> int:
    """How often this record has been tried, from 1: a replay says so in its header."""
    said = dict(headers).get(ATTEMPT_HEADER) or b"1"
    return int(said) if said.isdigit() and len(said) < 10 else 1


def replay_headers(letter: DeadLetter) -> Sequence[tuple[str, bytes]]:
    """Headers of a record published again: its own, which letter it comes from, and the attempt."""
    own = [
        (name, value)
        for name, value in letter.headers.items()
        if name not in {REPLAY_HEADER, ATTEMPT_HEADER}
    ]
    return [
        *own,
        (REPLAY_HEADER, letter.event_id.encode()),
        (ATTEMPT_HEADER, str(letter.attempt + 1).encode()),
    ]


def _source(headers: Headers) -> str:
    """A record that cannot be read does not say its source; a replayed one says what it is."""
    return "replay:dead-letters" if dict(headers).get(REPLAY_HEADER) else LIVE


def _schema_id(value: bytes | None) -> int | None:
    try:
        return unframe(value)[0]
    except FramingError:
        return None
