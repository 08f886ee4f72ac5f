"""`fleetloop labels`: what people are asked, their answers, and what these cost."""

import re
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from infra.cli import labels_studio
from infra.cli.output import Exit, Format, FormatOption, fail, say, show
from infra.labels import desk, frames, ledger
from infra.objects import ObjectMissingError, ObjectStore
from infra.settings import Settings
from schemas.question_book import AnswerRefusedError, Asked, QuestionBook
from schemas.topics import LABEL_REVIEWS

app = typer.Typer(no_args_is_help=True, help="Answer the questions of dataset lines.")
app.command("export")(labels_studio.export)
app.command("import")(labels_studio.import_)

_PLAIN: Final = re.compile(r"[^A-Za-z0-9._-]+")
Reviewer = Annotated[str, typer.Option("--reviewer", help="Who answers.")]
Line = Annotated[str | None, typer.Option("--line", help="Only questions of this dataset line.")]
EdgeCase = Annotated[str, typer.Argument(help="The edge case, as queue and next tell it.")]


@app.command()
def queue(
    output: FormatOption = Format.TABLE,
    line: Line = None,
    reviewer: Annotated[
        str | None, typer.Option("--reviewer", help="Only what this person has not answered.")
    ] = None,
) -> None:
    """Open questions, the most wanted first, and why each was chosen."""
    book = desk.read(Settings())
    show([_row(book, one) for one in book.open(reviewer, line)], output, empty="nothing is open")


@app.command("next")
def next_(
    reviewer: Reviewer,
    out: Annotated[Path, typer.Option("--out", help="Folder for its pictures.")] = Path("labels"),
    line: Line = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """The question to answer next, with its frames as files. 3: nothing is open for this person.

    It is held for nobody: two people who ask at once get the same one.
    """
    settings = Settings()
    book = desk.read(settings)
    waiting = book.open(reviewer, line)
    objects = ObjectStore(settings.objects_url)
    for asked in waiting:
        request = asked.request
        try:
            body = frames.encounter(objects, request.frames[0])
        except ObjectMissingError as error:
            say(f"edge case {request.edge_case_id}: {error}; passed over")
            continue
        name = _PLAIN.sub("-", request.edge_case_id)
        files = frames.write(body, request.frames[0], out, name)
        row = _row(book, asked) | {
            "classes": ", ".join(book.classes(asked)),
            "files": ", ".join(map(str, files)),
        }
        show([{"what": what, "value": value} for what, value in row.items()], output)
        return
    fail(f"nothing is open for {reviewer}", Exit.CONDITION_NOT_MET)


@app.command()
def submit(
    edge_case: EdgeCase,
    reviewer: Reviewer,
    label: Annotated[str, typer.Option("--label", help="A class of the line, or SKIP.")],
    seconds: Annotated[float, typer.Option("--seconds", min=0, help="Time it took.")] = 0.0,
) -> None:
    """Answer a question. 3: it would not count, with the reason."""
    settings = Settings()
    book = desk.read(settings)
    if not reviewer.strip():
        fail("--reviewer must not be empty", Exit.USAGE)
    try:
        asked = book.check(edge_case, reviewer, label)
    except AnswerRefusedError as error:
        fail(str(error), Exit.CONDITION_NOT_MET)
    taken_back = len(book.ballot(asked).taken_back)
    desk.write(
        settings,
        [desk.answer(asked, reviewer, label, seconds=seconds, origin=f"hand/{taken_back}")],
    )
    late = " (late: it counts in the next dataset)" if book.is_late(asked) else ""
    say(f"{edge_case}: {label} by {reviewer} is on {LABEL_REVIEWS.name}{late}")


@app.command()
def withdraw(
    edge_case: EdgeCase,
    reviewer: Reviewer,
    reason: Annotated[str, typer.Option("--reason", help="Why, in your words.")],
) -> None:
    """Take a person's answer back. The label leaves the next dataset. 3: there is none."""
    settings = Settings()
    book = desk.read(settings)
    if not reason.strip():
        fail("--reason must not be empty", Exit.USAGE)
    asked = book.find(edge_case)
    votes = [] if asked is None else book.ballot(asked).votes
    standing = next((vote for vote in votes if vote.reviewer == reviewer), None)
    if asked is None or standing is None:
        fail(f"edge case {edge_case}: no answer of {reviewer} stands", Exit.CONDITION_NOT_MET)
    desk.write(settings, [desk.withdrawal(asked.reviews[standing.event_id], reason)])
    say(f"{edge_case}: {standing.label} by {reviewer} is taken back; it leaves the next dataset")


@app.command("ledger")
def ledger_(
    output: FormatOption = Format.TABLE,
    by: Annotated[ledger.By, typer.Option("--by", help="Rows.")] = ledger.By.DATASET,
    line: Line = None,
) -> None:
    """What was asked for, paid, is open and was taken back; paid is what the log's records say.

    Answers of single people are counted as far as the log holds them, 30 days.
    """
    show(ledger.rows(desk.read(Settings()), by, line), output, empty="nothing was asked")


def _row(book: QuestionBook, asked: Asked) -> dict[str, Any]:
    request, ballot = asked.request, book.ballot(asked)
    why = f"{request.trigger}, margin {1 - request.priority:.3f}"
    if request.predicted is not None:
        why += f", device saw {request.predicted} ({request.confidence:.2f})"
    if request.adjudicates:
        why = f"disagreement of {len(ballot.votes)}; {why}"
    return {
        "edge_case": request.edge_case_id,
        "line": request.budget_line,
        "encounter": request.encounter_id,
        "why": why,
        "answers": f"{len(ballot.votes)} of {ballot.wanted}",
        "state": "LATE" if book.is_late(asked) else "OPEN",
    }
