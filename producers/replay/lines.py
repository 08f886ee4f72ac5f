"""A replay as JSON lines: one object an event, times in UTC microseconds."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, TextIO

from producers.replay.events import Event, Refused
from producers.replay.player import Outcome


class JsonLines:
    """Writes each item as a line.

    Args:
        at_once: Whether each line leaves when it is due, for whoever reads along.
    """

    def __init__(self, out: TextIO, *, at_once: bool) -> None:
        self._out, self._at_once = out, at_once

    def send(self, event: Event, replay_us: int) -> Outcome:
        """Write an event; nothing remembers what was written before, so it is always new."""
        self._write(event_line(event) | {"replay_ts": replay_us})
        return Outcome.REPLAYED

    def refuse(self, refused: Refused, replay_us: int) -> None:
        """Write a row that gives no event, as it stands."""
        self._write({"kind": "refused", **dataclasses.asdict(refused), "replay_ts": replay_us})

    def _write(self, line: Mapping[str, Any]) -> None:
        self._out.write(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n")
        if self._at_once:
            self._out.flush()


def event_line(event: Event) -> dict[str, Any]:
    """What an event's line says, apart from when it was replayed."""
    body = event.body if isinstance(event.body, dict) else dataclasses.asdict(event.body)
    context = {} if event.context is None else {"context": list(event.context)}
    return {
        "kind": event.kind,
        "event_ts": event.at_us,
        "file": event.file,
        "row": event.row,
        **body,
        **event.also,
        **context,
    }
