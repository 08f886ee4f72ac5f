"""The documents say what is there."""

import re
from pathlib import Path

import pytest
import typer

from infra.cli.main import NOUNS, command_for
from infra.cli.worker import WorkerName

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_decisions_are_numbered_without_gap_or_double_and_say_their_number() -> None:
    found = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    numbers = [f"{number:04}" for number in range(1, len(found) + 1)]
    assert [path.name[:4] for path in found] == numbers
    assert [path.read_text()[:8] for path in found] == [f"# {number}: " for number in numbers]


def test_every_runbook_is_linked_from_what_on_call_reads() -> None:
    text = (ROOT / "docs" / "slo.md").read_text()
    names = sorted(path.name for path in (ROOT / "docs" / "runbooks").glob("*.md"))
    assert [name for name in names if f"(runbooks/{name})" not in text] == []


def test_the_readme_names_every_command_and_worker_in_the_order_of_the_help() -> None:
    table = (ROOT / "README.md").read_text().split("## Commands")[1].split("## Operations")[0]
    first = [row.split("|")[1] for row in table.replace("\\|", "/").splitlines() if "`" in row]
    nouns = re.findall(r"`([a-z-]+)[ `]", " ".join(row for row in first))
    assert list(dict.fromkeys(noun for noun in nouns if noun in NOUNS)) == list(NOUNS)
    assert f"| {', '.join(WorkerName)} |" in table


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
