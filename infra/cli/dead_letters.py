"""`fleetloop dead-letters`: what could not be used, and using it again."""

import time
from typing import Annotated

import typer

from consumers.replay import Policy, Selection, letters
from consumers.replay import replay as replay_letters
from infra.cli.output import Exit, Format, FormatOption, fail, say, show
from infra.kafka.publisher import Publisher
from infra.settings import Settings
from schemas.codec import Codec
from schemas.registry import registry_from

app = typer.Typer(no_args_is_help=True, help="Look at and replay what could not be used.")

_Topic = Annotated[str, typer.Option("--topic", help="Original topic.")]
_Class = Annotated[str, typer.Option("--error-class", help="FRAMING, AVRO, INVALID and so on.")]
_Stage = Annotated[str, typer.Option("--stage", help="Who refused it: sink, rollout and so on.")]
_Limit = Annotated[int, typer.Option("--limit", min=1, max=100_000, help="Letters at most.")]


@app.command("list")
def list_letters(
    topic: _Topic = "",
    error_class: _Class = "",
    stage: _Stage = "",
    limit: _Limit = 100,
    output: FormatOption = Format.TABLE,
) -> None:
    """List dead letters, oldest first. Each once, however often it was published."""
    settings = Settings()
    codec = Codec(registry_from(settings.registry_url))
    chosen = Selection(topic=topic, error_class=error_class, stage=stage, limit=limit)
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
    limit: _Limit = 1_000,
    policy: Annotated[
        Policy, typer.Option(help="What to do with a letter that would be refused again.")
    ] = Policy.STOP,
    output: FormatOption = Format.TABLE,
) -> None:
    """Publish the original bytes again. To their partition; a letter replayed before is not."""
    if not (ids or topic or error_class or stage):
        fail("choose letters by id, --topic, --error-class or --stage", Exit.USAGE)
    settings = Settings()
    codec = Codec(registry_from(settings.registry_url))
    chosen = Selection(
        ids=frozenset(ids or ()), topic=topic, error_class=error_class, stage=stage, limit=limit
    )
    found = letters(settings.kafka, codec, chosen)
    if missing := chosen.ids - {letter.event_id for letter in found}:
        fail(f"no dead letter {', '.join(sorted(missing))}", Exit.CONDITION_NOT_MET)
    with Publisher(settings.kafka, codec, "dead-letters-replay") as publisher:
        now_us = time.time_ns() // 1_000
        outcomes = replay_letters(settings.kafka, codec, publisher, found, policy, now_us)
    show([{"id": letter, "outcome": outcome} for letter, outcome in outcomes.items()], output)
    if len(found) == limit:
        say(f"stopped at --limit {limit}: there may be more")
