"""`fleetloop rollout`: what a rollout policy can see, before a release depends on it."""

from pathlib import Path
from typing import Annotated, Any

import typer

from infra.cli.output import Exit, Format, FormatOption, fail, say, show
from streams.rollout.policy import PolicyError, load_policy
from streams.rollout.power import MAX_DEVICES, Chance, power
from streams.rollout.tally import METRICS

app = typer.Typer(no_args_is_help=True, help="Look into a rollout policy.")


@app.callback()
def _group() -> None:
    """Keep `power` a verb although it is the only one."""


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
    try:
        rules = load_policy(policy)
    except PolicyError as error:
        fail(str(error))
    found = power(rules, devices=devices, strata=strata, tests=len(METRICS))
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


def _row(chance: Chance) -> dict[str, Any]:
    return {
        "failure_rate": round(chance.rate, 6),
        "caught": round(chance.caught, 4),
        "devices_until_caught": chance.caught_median,
        "failed_devices": round(chance.failed_mean, 1),
        "proven_safe": round(chance.proven, 4),
        "devices_until_proven": chance.proven_median,
    }
