"""`fleetloop stack up|down|status`: the engines of a development installation."""

import time
from pathlib import Path
from typing import Annotated, Any, Final

import psutil
import typer

from infra.cli.engines import Broker, ClickHouse, Registry
from infra.cli.output import Exit, Format, FormatOption, fail, say, show
from infra.stack.background import start_in_background
from infra.stack.health import OK, health
from infra.stack.signals import terminable
from infra.stack.spec import EMBEDDED, FILE, StackSpec
from infra.stack.stack import Stack
from infra.stack.state import StackState, published, running_stack

app = typer.Typer(no_args_is_help=True, help="The engines: start, stop, look.")

DataDir = Annotated[Path, typer.Option(help="Private folder: stores, logs, objects, keys.")]
DATA_DIR: Final = Path(".fleetloop")
_WATCH_S: Final = 0.5
_STOP_S: Final = 90.0


@app.command()
def up(
    broker: Broker = EMBEDDED,
    clickhouse: ClickHouse = EMBEDDED,
    registry: Registry = FILE,
    data_dir: DataDir = DATA_DIR,
    detach: Annotated[bool, typer.Option("--detach", help="Run in the background.")] = False,
    output: FormatOption = Format.TABLE,
) -> None:
    """Start the engines, with topics, tables and keys. Until Ctrl-C, or --detach and `down`."""
    spec = StackSpec(broker=broker, clickhouse=clickhouse, registry=registry).checked()
    if detach:
        _tell(start_in_background(spec, data_dir, say), output)
    else:
        _run(spec, data_dir, output)


@app.command()
def status(data_dir: DataDir = DATA_DIR, output: FormatOption = Format.TABLE) -> None:
    """Show the engines. Exit code 3 when none run, 4 when one does not answer."""
    state = _state(data_dir)
    found = health(state.settings())
    rows = [{**row, "health": found[row["engine"]]} for row in _rows(state)]
    show(rows, output)
    if any(answer != OK for answer in found.values()):
        raise typer.Exit(Exit.UNREACHABLE)


@app.command()
def down(data_dir: DataDir = DATA_DIR) -> None:
    """Stop the stack of this data folder and wait until it is gone."""
    state = _state(data_dir)
    try:
        process = psutil.Process(state.pid)
        process.terminate()
        process.wait(_STOP_S)
    except psutil.NoSuchProcess:
        pass  # it ended by itself
    except psutil.AccessDenied:
        fail(f"stack of {data_dir} (pid {state.pid}) belongs to another user")
    except psutil.TimeoutExpired:
        process.kill()
        fail(f"stack of {data_dir} (pid {state.pid}) did not stop in {_STOP_S:.0f} s: killed")
    say(f"stack of {data_dir} stopped")


def _run(spec: StackSpec, data_dir: Path, output: Format) -> None:
    try:
        with terminable(), Stack(spec, data_dir, progress=say) as stack, published(stack) as state:
            _tell(state, output)
            say("running until Ctrl-C")
            while True:
                stack.check()
                time.sleep(_WATCH_S)
    except KeyboardInterrupt:
        say("stopped")


def _state(data_dir: Path) -> StackState:
    state = running_stack(data_dir)
    if state is None:
        fail(
            f"no stack runs on {data_dir}; start one with `fleetloop stack up`",
            Exit.CONDITION_NOT_MET,
        )
    return state


def _tell(state: StackState, output: Format) -> None:
    show(_rows(state), output)
    say(f"for other commands: source {state.env_file}")


def _rows(state: StackState) -> list[dict[str, Any]]:
    return [engine.model_dump() for engine in state.engines]
