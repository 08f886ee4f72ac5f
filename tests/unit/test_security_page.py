"""docs/security.md: what plays each stolen key and attack is there, and its commands."""

import re
from pathlib import Path

import pytest
import typer

from infra.cli.main import command_for
from tests.attack_vectors import FOLDER, cases

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text()
TRUST = (ROOT / "tests" / "unit" / "infra" / "trust", ROOT / "tests" / "unit" / "producers")


def _rows(title: str) -> list[list[str]]:
    """The cells of a section's table, without its head."""
    section = PAGE.split(title)[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ") or "|---" in line]
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in lines[lines.index(next(one for one in lines if "---" in one)) + 1 :]
    ]


def _tests() -> set[str]:
    files = (path for folder in TRUST for path in folder.rglob("test_*.py"))
    return {
        name
        for path in files
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
    }


@pytest.mark.parametrize("row", _rows("## 4. A key is stolen"), ids=lambda row: str(row[0]))
def test_every_stolen_key_is_played_by_the_tests_its_row_names(row: list[str]) -> None:
    named = re.findall(r"`(test_\w+)`", row[-1])
    assert named
    assert [name for name in named if name not in _tests()] == []


def test_every_published_case_that_is_named_is_in_the_set() -> None:
    text = " ".join("".join(row) for row in _rows("## 5. Attacks"))
    named = re.findall(r"`(uptane|tufconf|tuf2017)/([^`]+)`", text)
    there = {of: {case.name for case in cases(of)} for of, _ in named}
    if not any(there.values()):
        pytest.skip(f"needs the attack vectors in {FOLDER} (FLEETLOOP_SHARED)")
    assert [(of, name) for of, name in named if name not in there[of]] == []
    assert len(named) > 20


def test_every_keys_command_that_is_named_has_its_options() -> None:
    group = typer.main.get_command(command_for(["keys"])).commands["keys"]  # type: ignore[attr-defined] # the root is a group
    known = {
        name: {option for parameter in command.params for option in parameter.opts}
        for name, command in group.commands.items()
    }
    named = re.findall(r"`keys ([a-z]+)([^`]*)`", PAGE)
    assert {verb for verb, _ in named} >= {"new", "init", "sign", "publish", "vouch", "rotate"}
    for verb, words in named:
        assert set(re.findall(r"--[a-z-]+", words)) <= known[verb], (verb, words)
