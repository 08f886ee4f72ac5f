"""Azure's LLM inference trace: when requests to two services came, and how large they were."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from producers.replay.events import Event, Item, Refused, event_id, in_time_order, source_of
from producers.replay.tables import MALFORMED, Row, need, rows
from schemas.moments import micros

NAME: Final = "azure"
SERVICES: Final = ("code", "conv")
_COLUMNS: Final = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
_FRACTION: Final = 6


def read(folder: Path) -> Iterator[Item]:
    """Arrivals at both services by time. There is no latency in the source, and none is made up.

    Raises:
        ReplayError: A file is missing or not readable.
    """
    need(folder, map(_file, SERVICES))
    yield from in_time_order(_all(folder))


def _all(folder: Path) -> Iterator[Item]:
    before = 0
    for service in SERVICES:
        for row in rows(folder, _file(service), _COLUMNS, start=before):
            before += 1
            yield _event(row, f"azure/{service}") if isinstance(row, Row) else row


def _event(row: Row, service: str) -> Event | Refused:
    told = row.cells
    try:
        at_us = _micros(told["TIMESTAMP"])
        tokens = [int(told[name]) for name in _COLUMNS[1:]]
    except ValueError as error:
        return row.refused(MALFORMED, str(error))
    body = {
        "event_id": event_id(service, row.number),
        "source": source_of(NAME),
        "device_id": service,
        "context_tokens": tokens[0],
        "generated_tokens": tokens[1],
    }
    return Event(at_us=at_us, kind="arrival", file=row.file, row=row.row, body=body)


def _micros(text: str) -> int:
    """UTC microseconds; the source writes one digit more, which is always 0."""
    whole, _, fraction = text.partition(".")
    at = datetime.fromisoformat(f"{whole}.{fraction[:_FRACTION]:0<{_FRACTION}}")
    return micros(at.replace(tzinfo=UTC))


def _file(service: str) -> str:
    return f"{service}.csv.gz"
