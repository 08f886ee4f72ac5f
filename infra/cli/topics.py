"""`fleetloop topics plan|apply`: make the broker's topics those of the topic registry."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from infra.cli.output import Exit, Format, FormatOption, say, show
from infra.kafka.admin import Admin
from infra.settings import Settings
from infra.topics import BROKERS_DEFAULT, Change, TopicPlan, current, scaled
from infra.topics import apply as apply_changes
from infra.topics import plan as plan_changes
from schemas.topics import TOPICS

app = typer.Typer(no_args_is_help=True, help="Topics: what would change, and changing it.")

DevicePartitions = Annotated[
    int | None,
    typer.Option(min=1, help="Partitions of all topics that are partitioned by device."),
]


@app.command("plan")
def plan_command(
    device_partitions: DevicePartitions = None, output: FormatOption = Format.TABLE
) -> None:
    """Show what `apply` would change. Exit code 3 when there is something."""
    todo = _plan(Admin(Settings().kafka), device_partitions)
    show(_rows(todo.changes), output, empty="the topics are up to date")
    _say_what_stays(todo)
    if todo.changes:
        raise typer.Exit(Exit.CONDITION_NOT_MET)


@app.command("apply")
def apply_command(
    device_partitions: DevicePartitions = None,
    replication: Annotated[
        int, typer.Option(help="Copies of each new partition; -1: the broker's default.")
    ] = BROKERS_DEFAULT,
    repartition: Annotated[
        bool, typer.Option("--repartition", help="Allow keys of stored records to move.")
    ] = False,
    output: FormatOption = Format.TABLE,
) -> None:
    """Make the topics those of the registry. Topics not in it stay untouched."""
    admin = Admin(Settings().kafka)
    todo = _plan(admin, device_partitions)
    apply_changes(admin, todo.changes, replication=replication, repartition=repartition)
    show(_rows(todo.changes), output, empty="the topics are up to date")
    _say_what_stays(todo)


def _plan(admin: Admin, device_partitions: int | None) -> TopicPlan:
    return plan_changes(scaled(list(TOPICS.values()), device_partitions), current(admin))


def _rows(changes: Sequence[Change]) -> list[dict[str, Any]]:
    return [
        {
            "change": change.kind.value,
            "topic": change.topic,
            "partitions": change.partitions,
            "settings": ", ".join(f"{key}={value}" for key, value in change.config.items()),
            "before": change.before,
        }
        for change in changes
    ]


def _say_what_stays(todo: TopicPlan) -> None:
    if todo.unknown:
        say(f"left alone, not in the topic registry: {', '.join(todo.unknown)}")
    if todo.untold:
        settings = sorted({key for keys in todo.untold.values() for key in keys})
        say(
            f"this broker does not tell {', '.join(settings)} of {len(todo.untold)} topics: "
            "taken as given at their creation"
        )
