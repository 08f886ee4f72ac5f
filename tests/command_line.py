"""The fleetloop command in this process: what it prints and how it ends."""

from typer.testing import CliRunner, Result

from infra.cli.main import command_for


def fleetloop(*words: str) -> Result:
    """Answer and exit code of a command."""
    return CliRunner().invoke(command_for(words), list(words))
