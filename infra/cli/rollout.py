"""`fleetloop rollout`: what a policy can see, and what the gate decides about a trace."""

from pathlib import Path
from typing import Annotated

import typer

from infra.cli.output import Format, FormatOption, fail, show
from infra.cli.release_rows import transition_row
from infra.cli.rollout_power import show_power
from infra.cli.rollout_replay import replay as show_replay
from infra.cli.rollout_simulate import simulate
from infra.cli.rollout_trace import Origin
from infra.cli.rollout_trace import trace as cut
from infra.settings import Settings
from schemas.transitions import TABLE
from streams.rollout.metrics import Metric
from streams.rollout.policy import Policy, PolicyError, load_policy
from streams.rollout.power import MAX_DEVICES
from streams.rollout.simulation.gates import Name

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
    metric: Annotated[Metric, typer.Option(help="which test of the policy")] = Metric.UPDATES,
    share: Annotated[
        float, typer.Option(min=0.0001, max=0.9999, help="of the stratum on the release, for rates")
    ] = 0.1,
    output: FormatOption = Format.TABLE,
) -> None:
    """How soon which failure rate is caught, and what proof costs: devices, or events of a rate.

    Devices are those that have decided, one after another and independently of each other; those
    still installing when harm is seen come on top. Events are counted as they are on average.
    """
    rules = _policy(policy)
    show_power(rules, metric, output, devices=devices, strata=strata, share=share)


@app.command()
def replay(
    trace: Annotated[Path, typer.Argument(help="lines of JSON: at, topic, value; - for stdin")],
    policy: PolicyOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """What the gate decides about a rollout that somebody wrote down.

    `at` is the broker's stamp in microseconds. Decisions in the trace are passed over. A line that
    breaks a rule of its topic or speaks of an unknown release is refused and changes nothing.

    A trace that `rollout trace` cut is asked at the looks that led to the run's decisions; exit
    code 3 when one of them, or a count they stand on, comes out otherwise.
    """
    show_replay(trace, _policy(policy), output)


@app.command("trace")
def trace_(
    release: Annotated[str, typer.Option(help="the release")],
    origin: Annotated[Origin, typer.Option("--from", help="where to cut it from")] = Origin.LOG,
) -> None:
    """Cut the trace of a release: all that it was judged by, as lines for `replay`, to stdout.

    docs/rollout-traces.md says what is in it, and what a trace from ClickHouse cannot hold.
    """
    cut(release, origin, Settings())


@app.command("simulate")
def simulate_(
    scenario: Annotated[str, typer.Option(help="a file, or a shipped one by name: twice, drift")],
    gates: Annotated[str, typer.Option(help="which, beside ours; with commas")] = ",".join(Name),
    seeds: Annotated[int, typer.Option(min=1, max=100_000, help="fleets, one a seed from 1")] = 20,
    output: FormatOption = Format.TABLE,
) -> None:
    """How many failing devices a release reaches with our gate and with the rules of others.

    All gates see the same fleets. docs/rollout-simulation.md says how they are made comparable.
    """
    simulate(scenario, gates, seeds, output)


@app.command()
def states(output: FormatOption = Format.TABLE) -> None:
    """Every step the gate may take: from where, when, by which decision, to where.

    The first row that applies is taken; a release stands in each stratum by itself.
    """
    show([transition_row(row) for row in TABLE], output)


def _policy(path: Path | None) -> Policy:
    try:
        return load_policy(path)
    except PolicyError as error:
        fail(str(error))
