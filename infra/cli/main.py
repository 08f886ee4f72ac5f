"""The fleetloop command: every noun in a file of its own, loaded when it is asked for."""

import importlib
import sys
from collections.abc import Mapping, Sequence
from typing import Final

import typer

from infra.cli.endings import Told
from infra.lean import alone, without

NOUNS: Final[Mapping[str, str]] = {
    "demo": "play the two-minute story on real engines",
    "doctor": "say what is there, what is missing and what that costs",
    "stack": "start, stop and look at the engines",
    "worker": "run one worker",
    "fleet": "run simulated devices",
    "keys": "make, list, rotate and revoke keys; sign with several people",
    "device": "one device: what it would believe of an update, and running it",
    "releases": "look at releases and order what happens to them",
    "rollout": "see what a rollout policy catches, and replay a trace through the gate",
    "datasets": "look at datasets, build, compare, audit and export them",
    "labels": "answer the questions of dataset lines, by hand or by Label Studio",
    "models": "look at models, measure and compare them",
    "loop": "measure what chosen labels are worth",
    "drift": "see where releases no longer answer as on their own validation",
    "campaigns": "say what devices should collect",
    "replay": "replay recorded data sets as events",
    "slo": "check, explain, replay and export SLOs",
    "alerts": "look at alerts, take them, silence them",
    "query": "ask ClickHouse by name",
    "dead-letters": "look at and replay what could not be used",
    "erase": "have everything that is kept of a device forgotten",
    "erasures": "look at what was erased and what is under way",
    "topics": "plan and apply the topics",
    "schemas": "check and register the schemas",
    "clickhouse": "migrate the tables, verify that nothing is missing, mend what is",
}
VERBLESS: Final = frozenset({"demo", "doctor", "erase", "replay"})


def command_for(arguments: Sequence[str]) -> typer.Typer:
    """The command line with the named noun's commands; the other nouns are only listed.

    A worker must not pay, in memory and in start-up, for the commands of the others.
    """
    app = typer.Typer(
        cls=Told,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,  # tails of logs are short, and locals may be secret
        help="The closed loop of a fleet-AI company as an event-streaming backend.",
    )
    named = next((word for word in arguments if not word.startswith("-")), None)
    for noun, words in NOUNS.items():
        if noun == named:
            module = importlib.import_module(f"infra.cli.{noun.replace('-', '_')}")
            # A noun without verbs is a command itself and stands beside the groups.
            app.add_typer(module.app, name=None if noun in VERBLESS else noun, help=words)
        else:
            app.command(noun, help=words)(_listed)
    return app


def _listed() -> None:
    """Stands for a noun in the list of all; it is never called, since naming it loads it."""


def run() -> None:
    """Entry point."""
    without("pandas")
    alone()
    command_for(sys.argv[1:])()


if __name__ == "__main__":
    run()
