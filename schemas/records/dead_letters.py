"""What could not be used. Units and meanings: the docs in schemas/avro."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """What could not be used, byte for byte. Topic: dead-letters."""

    event_id: str
    source: str
    topic: str
    topic_id: str
    partition: int
    offset: int
    ts: int
    schema_id: int | None = None
    key: bytes | None = None
    headers: Mapping[str, bytes]
    body: bytes
    stage: str
    error_class: str
    field: str | None = None
    reason: str
    code_version: str
    attempt: int
