"""The fleetloop command: every noun in a file of its own, loaded when it is asked for."""

import importlib
import sys
from collections.abc import Mapping
from typing import Any, Final

import click
import typer
from pydantic import ValidationError
from typer.core import TyperGroup

from infra.cli.output import Exit, say

NOUNS: Final[Mapping[str, str]] = {
    "demo": "play the two-minute story on real engines",
    "doctor": "say what is there, what is missing and what that costs",
    "stack": "start, stop and look at the engines",
    "topics": "plan and apply the topics",
    "schemas": "check and register the schemas",
    "worker": "run one worker",
    "fleet": "run simulated devices",
    "releases": "look at releases and order what happens to them",
    "alerts": "look at alerts",
    "datasets": "look at datasets",
    "query": "ask ClickHouse by name",
    "clickhouse": "plan and apply the migrations",
    "dead-letters": "look at and replay what could not be used",
}


class Nouns(TyperGroup):
    """Loads a noun's module when it is named, so that no command pays for the others."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """All nouns."""
        return list(NOUNS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """The noun's own commands; its one-line help without loading when only listing."""
        if cmd_name not in NOUNS:
            return None
        module = importlib.import_module(f"infra.cli.{cmd_name.replace('-', '_')}")
        command: Any = typer.main.get_command(module.app)
        command.name = cmd_name
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """The list of nouns, without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(NOUNS.items()))


app = typer.Typer(
    cls=Nouns,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    help="The closed loop of a fleet-AI company as an event-streaming backend.",
)


@app.callback()
def fleetloop() -> None:
    """The closed loop of a fleet-AI company as an event-streaming backend."""


def run() -> None:
    """Entry point: errors that a person can mend are one sentence, not a traceback."""
    try:
        app()
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "settings"
        say(f"fleetloop: setting {name} = {first['input']!r}: {first['msg']}")
        sys.exit(Exit.USAGE)
    except KeyboardInterrupt:
        sys.exit(130)
