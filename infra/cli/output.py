"""How every command answers: data to stdout as a table or JSON, messages to stderr."""

import json
import sys
from collections.abc import Mapping, Sequence
from enum import IntEnum, StrEnum
from typing import Annotated, Any, Final, NoReturn

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

_UNFOLDED: Final = 100_000


class Exit(IntEnum):
    """Exit codes of all commands."""

    OK = 0
    ERROR = 1
    USAGE = 2
    CONDITION_NOT_MET = 3
    UNREACHABLE = 4
    TIMED_OUT = 5


class Format(StrEnum):
    """Output format of a command."""

    TABLE = "table"
    JSON = "json"


FormatOption = Annotated[Format, typer.Option("-o", "--output", help="table or json")]


def show(
    rows: Sequence[Mapping[str, Any]], form: Format, *, empty: str = "nothing to show"
) -> None:
    """Print rows with the same keys to stdout; for a program no line is folded.

    Args:
        rows: Data.
        form: How.
        empty: What a person is told instead of an empty table.
    """
    if form is Format.JSON:
        sys.stdout.write(json.dumps(list(rows), indent=2, default=str) + "\n")
        return
    if not rows:
        say(empty)
        return
    table = Table(box=None, pad_edge=False)
    for name in rows[0]:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if value is None else _plain(value)) for value in row.values()))
    Console(file=sys.stdout, width=None if sys.stdout.isatty() else _UNFOLDED).print(table)


def show_whole(value: Mapping[str, Any]) -> None:
    """Print one thing as JSON to stdout: what a program is told where a person sees tables."""
    sys.stdout.write(json.dumps(value, indent=2, default=str) + "\n")


def _plain(value: Any) -> str:
    """Text that cannot steer the terminal: values come from devices and dead letters."""
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in str(value))


def say(message: str) -> None:
    """Print a message for the person to stderr."""
    sys.stderr.write(message + "\n")


def fail(message: str, code: Exit = Exit.ERROR) -> NoReturn:
    """End the command with a message on stderr and an exit code."""
    say(f"fleetloop: {message}")
    raise typer.Exit(code)
