"""The documents say what is there."""

import re
from pathlib import Path

import pytest
import typer

from infra.cli.main import NOUNS, command_for

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_loop_is_drawn_once() -> None:
    readme, architecture = (
        path.read_text().split("```")[1] for path in (PAGES[0], ROOT / "docs" / "architecture.md")
    )
    assert readme == architecture


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_that_is_named_is_there(page: Path) -> None:
    named = re.findall(r"\bfleetloop ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?", "".join(_code(page)))
    assert [words for words in named if not _exists(*words)] == []


def _code(page: Path) -> list[str]:
    text = page.read_text()
    blocks = text.split("```")[1::2]
    return [*blocks, *re.findall(r"`[^`\n]+`", "".join(text.split("```")[::2]))]


def _exists(noun: str, verb: str) -> bool:
    if noun not in NOUNS:
        return False
    command = typer.main.get_command(command_for([noun]))
    verbs = getattr(command.commands[noun], "commands", None)  # type: ignore[attr-defined] # the root is a group
    return verbs is None or not verb or verb in verbs
