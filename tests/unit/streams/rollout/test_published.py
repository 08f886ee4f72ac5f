"""Scenarios after other tools: their verdict, ours beside it, and the tables of the docs."""

from pathlib import Path

import pytest

from streams.rollout.published.device_trace import (
    DeviceTrace,
    DeviceTraces,
    counted,
    device_traces,
    judged,
)
from streams.rollout.published.judgement import Judgement, judgements, ours, theirs
from streams.rollout.published.rules import Tool
from streams.rollout.published.story import stories
from streams.rollout.published.tables import tables
from streams.rollout.simulation.gate import Verdict
from streams.rollout.simulation.kept_status import aws_execution, mender_server

ROOT = Path(__file__).parents[4]
DOCS = ROOT / "docs" / "rollout-published.md"
JUDGEMENTS = [(tool.tool, row) for tool in judgements() for row in tool.rows]
TRACES = [(tool, row) for tool in device_traces() for row in tool.rows]
MENDER_CASES = 92


@pytest.mark.parametrize(("tool", "row"), JUDGEMENTS, ids=lambda one: getattr(one, "what", one))
def test_a_judgement_is_theirs_and_ours_as_stated(tool: Tool, row: Judgement) -> None:
    assert theirs(tool, row) is row.theirs
    assert ours(row.targets, row.counts) is row.ours


@pytest.mark.parametrize(
    ("tool", "row"), TRACES, ids=[f"{tool.title}: {row.what}" for tool, row in TRACES]
)
def test_a_devices_trace_is_kept_counted_and_judged_as_stated(
    tool: DeviceTraces, row: DeviceTrace
) -> None:
    assert tool.kept(row) == row.theirs
    assert counted(row.reports) == row.counted
    assert judged(row.reports) is row.ours


def test_every_case_of_menders_client_is_there_once() -> None:
    (client,) = [tool for tool in device_traces() if tool.title == "Mender's client"]
    cases = [case for row in client.rows for case in row.cases.split()]
    assert len(cases) == len(set(cases)) == MENDER_CASES


def test_our_gate_goes_on_where_the_evidence_lets_it() -> None:
    verdicts = [row.ours for _, row in JUDGEMENTS]
    assert {Verdict.WIDEN, Verdict.HOLD, Verdict.ROLL_BACK} == set(verdicts)
    assert all(any(row.ours is Verdict.WIDEN for _, row in JUDGEMENTS if _ is tool)
               for tool in Tool)  # fmt: skip


def test_every_story_names_a_test_that_is_there() -> None:
    for story in stories():
        file, name = story.shown_by.split()
        assert f"def {name}(" in (ROOT / file).read_text("utf-8"), story.source


def test_the_restated_keepers_refuse_what_their_sources_refuse() -> None:
    assert mender_server(["downloading", "aborted", "success"]) == "aborted"
    assert mender_server([]) == "pending"
    assert aws_execution(["START", "SUCCEEDED", "RETRY"]) == "SUCCEEDED", "only what failed"
    assert aws_execution(["START", "FAILED 1"]) == "IN_PROGRESS", "another version"
    assert aws_execution(["START", "CANCEL"]) == "IN_PROGRESS", "without force"


def test_the_docs_have_the_tables() -> None:
    wanted = tables()
    assert wanted in DOCS.read_text("utf-8"), f"put this into {DOCS.name}:\n{wanted}"
