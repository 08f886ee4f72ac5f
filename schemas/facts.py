"""A fact: one decoded record of the log, with where it stands and when the broker stamped it."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One record of a followed topic.

    Attributes:
        stamp_us: The broker's stamp, UTC microseconds (ingest time).
        record: The dataclass of the topic, see `schemas.records`.
    """

    topic: str
    partition: int
    offset: int
    stamp_us: int
    record: Any
