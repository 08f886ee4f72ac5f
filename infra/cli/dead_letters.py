"""`fleetloop dead-letters`: what could not be used, and using it again."""

import time
from collections import Counter
from typing import Annotated

import typer

from consumers.clickhouse.completeness import Stretch
from consumers.replay import Outcome, Policy, Selection, letters, plan, send
from infra.cli.output import Exit, Format, FormatOption, fail, say, show
from infra.kafka.erasures import erasures_of
from infra.kafka.publisher import Publisher
from infra.settings import Settings
from schemas.codec import Codec
from schemas.records import DeadLetter
from schemas.registry import registry_from

app = typer.Typer(no_args_is_help=True, help="Look at and replay what could not be used.")

_Topic = Annotated[str, typer.Option("--topic", help="Original topic.")]
_Class = Annotated[str, typer.Option("--error-class", help="FRAMING, AVRO, INVALID and so on.")]
_Stage = Annotated[str, typer.Option("--stage", help="Who refused it: sink, rollout and so on.")]
_Range = Annotated[
    str, typer.Option("--range", metavar="RANGE", help="Records: TOPIC/PARTITION:FIRST-LAST.")
]
_Limit = Annotated[int, typer.Option("--limit", min=1, max=100_000, help="Letters at most.")]


@app.command("list")
def list_letters(
    topic: _Topic = "",
    error_class: _Class = "",
    stage: _Stage = "",
    stretch: _Range = "",
    limit: _Limit = 100,
    output: FormatOption = Format.TABLE,
) -> None:
    """List dead letters, oldest first. Each once, however often it was published."""
    settings = Settings()
    codec = Codec(registry_from(settings.registry_url))
    chosen = _selection(topic, error_class, stage, stretch, limit)
    rows = [
        {
            "id": letter.event_id,
            "topic": letter.topic,
            "partition": letter.partition,
            "offset": letter.offset,
            "stage": letter.stage,
            "error_class": letter.error_class,
            "field": letter.field,
            "reason": letter.reason,
            "attempt": letter.attempt,
            "bytes": len(letter.body),
        }
        for letter in letters(settings.kafka, codec, chosen)
    ]
    show(rows, output)


@app.command()
def replay(
    ids: Annotated[list[str] | None, typer.Argument(help="Ids of letters, see `list`.")] = None,
    topic: _Topic = "",
    error_class: _Class = "",
    stage: _Stage = "",
    stretch: _Range = "",
    limit: _Limit = 1_000,
    policy: Annotated[
        Policy, typer.Option(help="What to do with a letter that would be refused again.")
    ] = Policy.STOP,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be.")] = False,
    output: FormatOption = Format.TABLE,
) -> None:
    """Publish the original bytes again. To their partition; a letter replayed before is not."""
    if not (ids or topic or error_class or stage or stretch):
        fail("choose letters by id, --topic, --error-class, --stage or --range", Exit.USAGE)
    settings = Settings()
    codec = Codec(registry_from(settings.registry_url))
    chosen = _selection(topic, error_class, stage, stretch, limit, frozenset(ids or ()))
    found = letters(settings.kafka, codec, chosen)
    if missing := chosen.ids - {letter.event_id for letter in found}:
        fail(f"no dead letter {', '.join(sorted(missing))}", Exit.CONDITION_NOT_MET)
    book = erasures_of(settings.kafka, codec, "dead-letters")
    planned = plan(settings.kafka, codec, found, policy, book, time.time_ns() // 1_000)
    if not dry_run:
        with Publisher(settings.kafka, codec, "dead-letters-replay") as publisher:
            send(publisher, planned)
    show([_outcome(letter, outcome) for letter, outcome in planned], output)
    counts = Counter(outcome for _, outcome in planned)
    told = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))
    say(f"{'dry run, nothing was sent: ' if dry_run else ''}{told or 'no letters'}")
    if len(found) == limit:
        say(f"stopped at --limit {limit}: there may be more")


def _selection(
    topic: str,
    error_class: str,
    stage: str,
    stretch: str,
    limit: int,
    ids: frozenset[str] = frozenset(),
) -> Selection:
    try:
        within = Stretch.parse(stretch) if stretch else None
    except ValueError as error:
        fail(str(error), Exit.USAGE)
    return Selection(
        ids=ids, topic=topic, error_class=error_class, stage=stage, stretch=within, limit=limit
    )


def _outcome(letter: DeadLetter, outcome: Outcome) -> dict[str, object]:
    return {
        "id": letter.event_id,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "error_class": letter.error_class,
        "outcome": outcome.value,
    }
