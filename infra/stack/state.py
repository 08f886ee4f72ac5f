"""What a running stack writes down, so that other commands find it: stack.json and stack.env."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psutil
from pydantic import BaseModel, ConfigDict

from infra.settings import Settings
from infra.stack.engine import Engine
from infra.stack.environment import shell_lines
from infra.stack.stack import Stack

_STATE: Final = "stack.json"
_ENV: Final = "stack.env"


class StateError(ValueError):
    """stack.json is not one; the message names the file and what to do."""


class EngineState(BaseModel):
    """One engine of a running stack; `pid` and `log` are those of processes it started."""

    model_config = ConfigDict(frozen=True)

    engine: str
    version: str
    address: str
    pid: int | None = None
    log: str | None = None


class StackState(BaseModel):
    """A running stack. `created` tells its process from a later one with the same pid."""

    model_config = ConfigDict(frozen=True)

    pid: int
    created: float
    since: float
    env_file: str
    engines: tuple[EngineState, ...]
    stated: dict[str, Any]

    def running(self) -> bool:
        """Whether that very process still runs."""
        try:
            return psutil.Process(self.pid).create_time() == self.created
        except psutil.NoSuchProcess:
            return False

    def settings(self) -> Settings:
        """The settings of its processes."""
        return Settings(**self.stated)


@contextmanager
def published(stack: Stack) -> Iterator[StackState]:
    """Keep stack.json and stack.env in the data folder as long as the stack runs."""
    env_file = stack.data_dir / _ENV
    state = StackState(
        pid=os.getpid(),
        created=psutil.Process().create_time(),
        since=time.time(),
        env_file=str(env_file),
        engines=_engines(stack),
        stated=stack.settings.model_dump(mode="json"),
    )
    _write(env_file, shell_lines(stack.environment()))
    _write(stack.data_dir / _STATE, state.model_dump_json(indent=2))
    try:
        yield state
    finally:
        (stack.data_dir / _STATE).unlink(missing_ok=True)
        env_file.unlink(missing_ok=True)


def running_stack(data_dir: Path) -> StackState | None:
    """The stack that runs on this data folder, None when there is none (any more).

    Raises:
        StateError: stack.json is not one.
    """
    path = data_dir / _STATE
    try:
        state = StackState(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise StateError(f"{path}: not the state of a stack; remove it") from error
    return state if state.running() else None


def _engines(stack: Stack) -> tuple[EngineState, ...]:
    clickhouse = stack.clickhouse.settings
    addresses = {
        "broker": stack.broker.settings.bootstrap,
        "clickhouse": f"{clickhouse.host}:{clickhouse.tcp_port} http:{clickhouse.http_port}",
        "registry": stack.registry.address,
    }
    engines: dict[str, Engine] = {
        "broker": stack.broker,
        "clickhouse": stack.clickhouse,
        "registry": stack.registry,
    }
    return tuple(
        EngineState(
            engine=name,
            version=engine.version,
            address=addresses[name],
            pid=engine.child.pid if engine.child else None,
            log=str(engine.child.log) if engine.child else None,
        )
        for name, engine in engines.items()
    )


def _write(path: Path, text: str) -> None:
    """Whole or not at all, and for this user alone: an address can hold a secret."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    partial.touch(mode=0o600)
    partial.write_text(text)
    partial.replace(path)
