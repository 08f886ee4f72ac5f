"""`fleetloop replay`: recorded data sets as events, onto the log or as JSON lines."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from infra.cli.output import Exit, fail, say
from infra.kafka.dead_letters import code_version
from infra.kafka.erasures import erasures_of
from infra.kafka.publisher import Publisher
from infra.kafka.ranges import RangeReader
from infra.objects import ObjectStore
from infra.settings import Settings
from producers.replay.events import source_of
from producers.replay.known import Known
from producers.replay.lines import JsonLines
from producers.replay.log import Log
from producers.replay.player import Pace, Summary, Target, play
from producers.replay.sets import DATA_SETS, DataSet
from schemas.codec import Codec
from schemas.errors import RecordError
from schemas.registry import registry_from
from schemas.topics import DEAD_LETTERS

app = typer.Typer()

_SLICE_S: Final = 3_600.0


class To(StrEnum):
    """Where a replay goes."""

    TOPICS = "topics"
    JSONL = "jsonl"


@app.command()
def replay(
    name: Annotated[str, typer.Argument(metavar="SET", help=", ".join(DATA_SETS))],
    data: Annotated[Path, typer.Option("--data", help="Folder of the data set.")],
    speed: Annotated[
        float | None,
        typer.Option("--speed", help="Times as fast as it was; without it all at once."),
    ] = None,
    to: Annotated[
        To, typer.Option("--to", help="Topics of the installation, or JSON lines on stdout.")
    ] = To.JSONL,
) -> None:
    """Replay a recorded data set. A second replay onto topics adds nothing.

    What a set becomes, its licence and its traps: docs/replays.md.
    """
    if speed is not None and not 0 < speed < float("inf"):
        fail(f"--speed {speed}: must be above 0 and finite", Exit.USAGE)
    chosen = DATA_SETS.get(name)
    if chosen is None:
        fail(f"replay {name}: no such set; there are {', '.join(DATA_SETS)}", Exit.USAGE)
    if to is To.TOPICS and not chosen.topics:
        fail(f"replay {chosen.name}: none of its events has a topic; use --to jsonl", Exit.USAGE)
    pace = Pace(speed, lambda: time.time_ns() // 1_000, _sleep)
    with _topics(chosen) if to is To.TOPICS else nullcontext(_lines(speed)) as target:
        summary = play(chosen.read(data), pace, target)
    _tell(summary, to)


def _lines(speed: float | None) -> Target:
    return JsonLines(sys.stdout, at_once=speed is not None)


@contextmanager
def _topics(chosen: DataSet) -> Iterator[Target]:
    settings = Settings()
    codec = Codec(registry_from(settings.registry_url))
    source = source_of(chosen.name)
    known = _known(settings, codec, chosen, source)
    erasures = erasures_of(settings.kafka, codec, "replay")
    with Publisher(settings.kafka, codec, f"replay-{chosen.name}") as publisher:
        objects = ObjectStore(settings.objects_url)
        yield Log(source, code_version(), publisher, objects, known, erasures)


def _known(settings: Settings, codec: Codec, chosen: DataSet, source: str) -> Known:
    known = Known(source)
    reader = RangeReader(settings.kafka)
    names = {topic.name for topic in (*chosen.topics, DEAD_LETTERS)}
    for message in reader.read(reader.held(names)):
        try:
            record = codec.decode(message.topic, message.value)
        except RecordError:
            continue
        known.observe(record)
    return known


def _sleep(seconds: float) -> None:
    # time.sleep refuses what a slow replay of years may ask for.
    while seconds > 0:
        time.sleep(min(seconds, _SLICE_S))
        seconds -= _SLICE_S


def _tell(summary: Summary, to: To) -> None:
    for note in summary.notes:
        say(f"{note.what}: {note.value}")
    for (kind, outcome), count in sorted(summary.events.items()):
        say(f"{count} {kind} {outcome}")
    for why, count in sorted(summary.refused.items()):
        kept = "dead letter each" if to is To.TOPICS else "a line of kind refused each"
        say(f"{count} rows set aside, {why}: {kept}")
