"""Scenarios after other tools: their verdict, ours beside it, and the table of the docs."""

from pathlib import Path

import pytest

from streams.rollout.simulation.gate import Verdict
from streams.rollout.simulation.published import PUBLISHED, Published, ours, table, theirs

DOCS = Path(__file__).parents[4] / "docs" / "rollout-simulation.md"


def named(row: Published) -> str:
    return f"{row.source}: {row.case}"


@pytest.mark.parametrize("row", PUBLISHED, ids=named)
def test_the_restated_rule_says_what_its_source_says(row: Published) -> None:
    assert theirs(row) is row.verdict


@pytest.mark.parametrize("row", PUBLISHED, ids=named)
def test_our_gate_takes_harm_back_and_holds_what_is_not_proven(row: Published) -> None:
    bad = row.counts.failed + row.counts.silent
    expected = Verdict.ROLL_BACK if bad else Verdict.HOLD
    assert ours(row) is expected


def test_the_docs_have_the_table() -> None:
    assert table() in DOCS.read_text("utf-8"), f"put this into {DOCS.name}:\n{table()}"
