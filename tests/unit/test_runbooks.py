"""Every alert has a runbook with the five parts, and its link leads there."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUNBOOKS = ROOT / "docs" / "runbooks"
# Where alerts are made: each says its names as constants.
MAKERS = ("streams/slo", "streams/watch", "streams/rollout", "streams/drift", "consumers/oncall")
NAME = re.compile(r"(?:[A-Z][a-z]+){2,}|[A-Z][a-z]+SLOBurn|SLI[A-Z][a-z]+|Watchdog")
PARTS = ("Meaning", "Impact", "Diagnosis", "Mitigation", "Escalation")


def _sources() -> Iterator[Path]:
    for maker in MAKERS:
        yield from sorted((ROOT / maker).rglob("*.py"))


def _alertnames() -> set[str]:
    """Values of the constants that are written like alert names."""
    return {
        node.value.value
        for path in _sources()
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
        and NAME.fullmatch(node.value.value)
    }


def test_the_names_of_alerts_are_found() -> None:
    assert {"LatencySLOBurn", "ModelDrift", "TestNotification"} <= _alertnames()


@pytest.mark.parametrize("name", sorted(_alertnames()))
def test_every_alert_has_a_runbook_with_all_its_parts(name: str) -> None:
    text = (RUNBOOKS / f"{name}.md").read_text()
    assert text.startswith(f"# {name}\n")
    assert [part for part in PARTS if f"**{part}.**" not in text] == []
    assert [text.index(f"**{part}.**") for part in PARTS] == sorted(
        text.index(f"**{part}.**") for part in PARTS
    )


def test_every_runbook_url_in_code_leads_to_a_runbook() -> None:
    found = {
        link
        for path in (*_sources(), *(ROOT / "infra").rglob("*.yaml"))
        for link in re.findall(r"docs/runbooks/\w+\.md", path.read_text())
    }
    assert found
    assert [link for link in sorted(found) if not (ROOT / link).is_file()] == []
