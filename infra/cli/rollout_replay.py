"""`fleetloop rollout replay`: plays a trace and shows what the gate decides."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import click
import typer

from infra.cli.output import Exit, Format, fail, say, show
from infra.cli.release_rows import decision_row
from streams.rollout.cut_player import CutRun, play_cut
from streams.rollout.cut_recount import recount
from streams.rollout.cut_trace import cut_for, read_cut
from streams.rollout.policy import Policy
from streams.rollout.trace import Refusal, TraceError, read_trace
from streams.rollout.trace_player import Decided, play

SHOWN: Final = 20


def replay(path: Path, policy: Policy, output: Format) -> None:
    """Play a trace that somebody wrote, or one that was cut from a run."""
    try:
        with click.open_file(str(path), encoding="utf-8") as lines:
            release_id, rest = cut_for(lines)
            if release_id is None:
                _written(rest, policy, output)
            else:
                _cut(release_id, rest, policy, output)
    except (TraceError, OSError, UnicodeDecodeError) as error:
        fail(f"trace {path}: {error}")


def _written(lines: Iterable[str], policy: Policy, output: Format) -> None:
    played = play(read_trace(lines), policy)
    _show(played.decisions, output, refused=[_refusal(one) for one in played.refusals])
    if output is not Format.JSON:
        _say_some(
            [f"line {one.number}, {one.topic}: refused: {one.reason}" for one in played.refusals],
            "lines refused",
        )


def _cut(release_id: str, lines: Iterable[str], policy: Policy, output: Format) -> None:
    run = CutRun.of(read_cut(lines))
    looks = list(play_cut(release_id, run, policy))
    differ = [
        f"decision {look.recorded.decision_seq}: the run {_told(look.recorded)}, "
        f"this policy {_told(look.decided)}"
        for look in looks
        if not look.same
    ]
    differ += [f"count: {one.told()}" for one in recount(release_id, run, policy)]
    decided = [Decided(look.decided, look.at_us) for look in looks if look.decided is not None]
    _show(decided, output, differs=differ)
    if output is not Format.JSON:
        _say_some(differ, "differences")
    if differ:
        fail(
            f"{release_id}: {len(differ)} of what the run decided or counted come out otherwise",
            Exit.CONDITION_NOT_MET,
        )


def _show(decisions: Iterable[Decided], output: Format, **beside: object) -> None:
    if output is Format.JSON:
        told = {"decisions": [_decision(one) for one in decisions], **beside}
        typer.echo(json.dumps(told, indent=2))
    else:
        show([decision_row(one.record) for one in decisions], output, empty="no decision")


def _say_some(lines: list[str], what: str) -> None:
    for line in lines[:SHOWN]:
        say(line)
    if len(lines) > SHOWN:
        say(f"and {len(lines) - SHOWN} more {what}; -o json has them all")


def _told(record: Any) -> str:
    if record is None:
        return "decides nothing"
    wave = "" if record.wave is None else f" {record.wave}"
    return f"decides {record.kind.value}{wave} in {record.stratum or 'all strata'}"


def _decision(decided: Decided) -> dict[str, Any]:
    record = decided.record
    return {
        "decision_id": record.decision_id,
        "decision_seq": record.decision_seq,
        "release_id": record.release_id,
        "kind": record.kind.value,
        "at": decided.at_us,
        "stratum": record.stratum,
        "wave": record.wave,
        "share": record.share,
        "reason": record.reason,
        "evidence": None if record.evidence is None else asdict(record.evidence),
    }


def _refusal(refusal: Refusal) -> dict[str, Any]:
    return {"line": refusal.number, "topic": refusal.topic, "reason": refusal.reason}
