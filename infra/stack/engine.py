"""What all engines of the stack have in common."""

import sys
from collections.abc import Callable
from typing import Protocol

from infra.settings import ClickHouseSettings, KafkaSettings
from infra.stack.child import Child

Progress = Callable[[str], None]


class MissingEngineError(RuntimeError):
    """An engine that was asked for is not installed; the message says how to get it."""


class Engine(Protocol):
    """Something the stack starts, or only reaches, and can name."""

    @property
    def child(self) -> Child | None:
        """Its process, when it is one of ours and was started."""

    @property
    def version(self) -> str:
        """Name and version for reports."""

    def start(self) -> None:
        """Start it and wait until it answers."""

    def stop(self) -> None:
        """Stop it; what it stored stays."""


class Broker(Engine, Protocol):
    """An engine that speaks the Kafka protocol."""

    @property
    def settings(self) -> KafkaSettings:
        """How to reach it."""


class ClickHouse(Engine, Protocol):
    """A ClickHouse server."""

    @property
    def settings(self) -> ClickHouseSettings:
        """How to reach it."""


class Registry(Engine, Protocol):
    """Where schemas get their ids."""

    @property
    def url(self) -> str | None:
        """What processes of the installation ask; None: they read the schemas of this package."""

    @property
    def address(self) -> str:
        """Where its Confluent-compatible routes are."""


def to_stderr(message: str) -> None:
    """The progress of whoever says nothing else."""
    sys.stderr.write(f"{message}\n")
