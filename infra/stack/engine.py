"""What all engines of the stack have in common."""

from typing import Protocol


class MissingEngineError(RuntimeError):
    """An engine that was asked for is not installed; the message says how to get it."""


class Engine(Protocol):
    """Something the stack starts, or only reaches, and can name."""

    @property
    def version(self) -> str:
        """Name and version for reports."""

    def start(self) -> None:
        """Start it and wait until it answers."""

    def stop(self) -> None:
        """Stop it; what it stored stays."""
