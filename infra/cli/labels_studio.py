"""`fleetloop labels export|import`: questions to Label Studio, and its answers back."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from infra.cli.output import Exit, Format, FormatOption, fail, say, show
from infra.labels import desk, frames, studio_answers, studio_import, studio_tasks
from infra.objects import ObjectMissingError, ObjectStore
from infra.settings import Settings
from schemas.question_book import Asked


class Address(StrEnum):
    """How a task names its frames."""

    DATA = "data"
    PATH = "path"


def export(
    out: Annotated[Path, typer.Option("--out", help="Folder for tasks.json and config.xml.")],
    line: Annotated[str, typer.Option("--line", help="The dataset line.")] = "perception",
    address: Annotated[
        Address, typer.Option("--frames", help="In the tasks themselves, or as files beside them.")
    ] = Address.DATA,
    prefix: Annotated[
        str, typer.Option("--prefix", help="Put before the names of files, such as a server's URL.")
    ] = "/data/local-files/?d=",
) -> None:
    """Write the open questions of a line as Label Studio's tasks, with its labelling config.

    3: nothing is open. What has no frames any more is told and left out.
    """
    settings = Settings()
    book = desk.read(settings)
    waiting = book.open(line=line)
    if not waiting:
        fail(f"line {line}: nothing is open", Exit.CONDITION_NOT_MET)
    objects = ObjectStore(settings.objects_url)
    out.mkdir(parents=True, exist_ok=True)
    tasks = []
    for number, asked in enumerate(waiting):
        body = _frames(objects, asked)
        if body is None:
            continue
        if address is Address.DATA:
            place = studio_tasks.data_uri(body, studio_tasks.medium_of(asked))
        else:
            file = f"{number:06}{Path(asked.request.frames[0]).suffix}"
            (out / file).write_bytes(body)
            place = prefix + file
        tasks.append(studio_tasks.task(asked, place, book.classes(asked)))
    config = studio_tasks.config(studio_tasks.medium_of(waiting[0]), book.classes(waiting[0]))
    (out / "config.xml").write_text(config, encoding="utf-8")
    (out / "tasks.json").write_text(json.dumps(tasks, indent=1), encoding="utf-8")
    say(f"{len(tasks)} of {len(waiting)} questions are in {out / 'tasks.json'}")


def import_(
    file: Annotated[Path, typer.Argument(help="Label Studio's export, as JSON.")],
    output: FormatOption = Format.TABLE,
) -> None:
    """Take the answers of an export; a second time adds nothing, changed ones are corrected.

    A malformed export is refused as a whole (1). 3: some answers would not count; the others are
    taken.
    """
    try:
        read = studio_import.annotations(file.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, studio_import.ExportError) as error:
        fail(f"{file}: {error}")
    settings = Settings()
    made = studio_answers.taken(desk.read(settings), read)
    desk.write(settings, made.reviews)
    row = {
        "annotations": len(read),
        "written": len(made.reviews) - made.corrected,
        "corrected": made.corrected,
        "known": made.known,
        "refused": len(made.refused),
    }
    show([row], output)
    for reason in made.refused:
        say(reason)
    if made.refused:
        raise typer.Exit(Exit.CONDITION_NOT_MET)


def _frames(objects: ObjectStore, asked: Asked) -> bytes | None:
    try:
        return frames.encounter(objects, asked.request.frames[0])
    except ObjectMissingError as error:
        say(f"edge case {asked.request.edge_case_id}: {error}; left out")
        return None
