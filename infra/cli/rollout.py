"""`fleetloop rollout`: what a policy can see, and what the gate decides about a trace."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

import click
import typer

from infra.cli.output import Exit, Format, FormatOption, fail, say, show
from infra.cli.release_rows import decision_row, transition_row
from schemas.transitions import TABLE
from streams.rollout.policy import Policy, PolicyError, load_policy
from streams.rollout.power import MAX_DEVICES, Chance, power
from streams.rollout.trace import Refusal, TraceError, read_trace
from streams.rollout.trace_player import Decided, play

SHOWN: Final = 20
PolicyOption = Annotated[
    Path | None, typer.Option("--policy", help="policy file; without it the defaults")
]
app = typer.Typer(no_args_is_help=True, help="Look into a rollout policy.")


@app.command("power")
def power_(
    policy: Annotated[
        Path | None, typer.Option(help="policy file; without it the defaults")
    ] = None,
    devices: Annotated[
        int, typer.Option(min=1, max=MAX_DEVICES, help="devices of one stratum")
    ] = 10_000,
    strata: Annotated[int, typer.Option(min=1, max=1_000, help="strata judged at once")] = 3,
    output: FormatOption = Format.TABLE,
) -> None:
    """How soon which failure rate is caught, and how many devices proof costs.

    Devices are those that have decided, one after another and independently of each other; those
    still installing when harm is seen come on top.
    """
    rules = _policy(policy)
    found = power(rules, devices=devices, strata=strata, tests=rules.metrics.tests(compared=True))
    show([_row(chance) for chance in found.chances], output)
    say(
        f"{found.flawless} devices without a failure prove that at most {found.ceiling:.3g} of "
        "them fail"
    )
    if found.provable is not None:
        fail(
            f"a stratum of {devices} devices is too small to prove ceiling={found.ceiling:.3g}: "
            f"each rollout will be held for a person; ceiling={found.provable:.3g} could be proven",
            Exit.CONDITION_NOT_MET,
        )


@app.command()
def replay(
    trace: Annotated[Path, typer.Argument(help="lines of JSON: at, topic, value; - for stdin")],
    policy: PolicyOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """What the gate decides about a rollout that somebody wrote down.

    `at` is the broker's stamp in microseconds. Decisions in the trace are passed over. A line that
    breaks a rule of its topic or speaks of an unknown release is refused and changes nothing.
    """
    rules = _policy(policy)
    try:
        with click.open_file(str(trace), encoding="utf-8") as lines:
            played = play(read_trace(lines), rules)
    except (TraceError, OSError, UnicodeDecodeError) as error:
        fail(f"trace {trace}: {error}")
    if output is Format.JSON:
        told = {
            "decisions": [_decision(one) for one in played.decisions],
            "refused": [_refusal(one) for one in played.refusals],
        }
        typer.echo(json.dumps(told, indent=2))
        return
    show([decision_row(one.record) for one in played.decisions], output, empty="no decision")
    for one in played.refusals[:SHOWN]:
        say(f"line {one.number}, {one.topic}: refused: {one.reason}")
    if len(played.refusals) > SHOWN:
        say(f"and {len(played.refusals) - SHOWN} more lines refused; -o json has them all")


@app.command()
def states(output: FormatOption = Format.TABLE) -> None:
    """Every step the gate may take: from where, when, by which decision, to where.

    The first row that applies is taken; a release stands in each stratum by itself.
    """
    show([transition_row(row) for row in TABLE], output)


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


def _policy(path: Path | None) -> Policy:
    try:
        return load_policy(path)
    except PolicyError as error:
        fail(str(error))


def _row(chance: Chance) -> dict[str, Any]:
    return {
        "failure_rate": round(chance.rate, 6),
        "caught": round(chance.caught, 4),
        "devices_until_caught": chance.caught_median,
        "failed_devices": round(chance.failed_mean, 1),
        "proven_safe": round(chance.proven, 4),
        "devices_until_proven": chance.proven_median,
    }
