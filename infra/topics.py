"""Topics as they should be against topics as they are: a plan, and its application."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from infra.kafka.admin import Admin, FoundTopic
from schemas.topics import TOPICS, TopicSpec

BROKERS_DEFAULT: Final = -1


class ChangeKind(StrEnum):
    """What is to be done to one topic."""

    CREATE = "CREATE"
    ALTER_CONFIG = "ALTER_CONFIG"
    ADD_PARTITIONS = "ADD_PARTITIONS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One step of a plan.

    Attributes:
        partitions: The count after the change.
        config: The settings that are set by it.
        before: The count and the settings that it replaces, for people; empty for CREATE.
    """

    kind: ChangeKind
    topic: str
    partitions: int
    config: Mapping[str, str]
    before: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicPlan:
    """What separates the broker from the topic registry.

    Attributes:
        changes: In the order in which they are applied.
        untold: Settings by topic that the broker does not tell (the embedded one tells only
            some): taken as they were given at the creation, never changed.
        unknown: Topics that are none of ours; they are never touched.
    """

    changes: tuple[Change, ...]
    untold: Mapping[str, tuple[str, ...]]
    unknown: tuple[str, ...]


class TopicsRefusedError(ValueError):
    """A change that would lose or mix up records; the message names topic, counts and remedy."""


def scaled(specs: Sequence[TopicSpec], device_partitions: int | None) -> list[TopicSpec]:
    """The specs with another partition count for all topics that are partitioned by device.

    They change together, since processors read them side by side.

    Raises:
        ValueError: The count is below 1.
    """
    if device_partitions is None:
        return list(specs)
    if device_partitions < 1:
        raise ValueError(f"device partitions {device_partitions}: at least 1")
    return [
        replace(spec, partitions=device_partitions) if by_device(spec) else spec for spec in specs
    ]


def by_device(spec: TopicSpec) -> bool:
    """Whether the records of one device stand in the same partition number as elsewhere."""
    return spec.key == "device_id" and spec.partitions > 1


def plan(wanted: Sequence[TopicSpec], found: Mapping[str, FoundTopic]) -> TopicPlan:
    """Compare; nothing is asked of the broker.

    Raises:
        TopicsRefusedError: A topic has more partitions than wanted: Kafka cannot take any away.
    """
    names = {spec.name for spec in wanted}
    return TopicPlan(
        changes=tuple(change for spec in wanted for change in _changes(spec, found.get(spec.name))),
        untold={
            spec.name: missing
            for spec in wanted
            if spec.name in found and (missing := _untold(spec, found[spec.name]))
        },
        unknown=tuple(sorted(set(found) - names)),
    )


def current(admin: Admin) -> dict[str, FoundTopic]:
    """All topics of the broker. Raises as `Admin.describe`."""
    return admin.describe(admin.names())


def apply(
    admin: Admin,
    changes: Sequence[Change],
    *,
    replication: int = BROKERS_DEFAULT,
    repartition: bool = False,
) -> None:
    """Make the changes, in order.

    Args:
        admin: Whose topics.
        changes: Of a plan.
        replication: Copies of each new topic's partitions; BROKERS_DEFAULT leaves it to the broker.
        repartition: More partitions move keys, so that a device's records part; say so on purpose.

    Raises:
        TopicsRefusedError: More partitions for a topic that holds records, not said on purpose;
            nothing was changed then.
        AdminError: The broker refused.
    """
    if not repartition:
        _refuse_moving_keys(admin, changes)
    for change in changes:
        match change.kind:
            case ChangeKind.CREATE:
                admin.create(change.topic, change.partitions, replication, change.config)
            case ChangeKind.ALTER_CONFIG:
                admin.set_config(change.topic, change.config)
            case ChangeKind.ADD_PARTITIONS:
                admin.add_partitions(change.topic, change.partitions)


def apply_all(
    admin: Admin,
    *,
    device_partitions: int | None = None,
    replication: int = BROKERS_DEFAULT,
) -> TopicPlan:
    """Plan and apply all topics of the registry; returns what was done. Raises as `apply`."""
    todo = plan(scaled(list(TOPICS.values()), device_partitions), current(admin))
    apply(admin, todo.changes, replication=replication)
    return todo


def _changes(spec: TopicSpec, found: FoundTopic | None) -> list[Change]:
    if found is None:
        return [
            Change(
                kind=ChangeKind.CREATE,
                topic=spec.name,
                partitions=spec.partitions,
                config=spec.kafka_config(),
            )
        ]
    if found.partitions > spec.partitions:
        raise TopicsRefusedError(
            f"topic {spec.name}: has {found.partitions} partitions, {spec.partitions} wanted; "
            "Kafka cannot take partitions away: raise the wanted count, "
            "or make a new topic and replay into it"
        )
    return _config_change(spec, found) + _partition_change(spec, found)


def _config_change(spec: TopicSpec, found: FoundTopic) -> list[Change]:
    other = {
        key: value
        for key, value in spec.kafka_config().items()
        if found.config.get(key, value) != value
    }
    if not other:
        return []
    before = ", ".join(f"{key}={found.config[key]}" for key in other)
    return [
        Change(
            kind=ChangeKind.ALTER_CONFIG,
            topic=spec.name,
            partitions=found.partitions,
            config=other,
            before=before,
        )
    ]


def _partition_change(spec: TopicSpec, found: FoundTopic) -> list[Change]:
    if found.partitions == spec.partitions:
        return []
    return [
        Change(
            kind=ChangeKind.ADD_PARTITIONS,
            topic=spec.name,
            partitions=spec.partitions,
            config={},
            before=f"{found.partitions} partitions",
        )
    ]


def _untold(spec: TopicSpec, found: FoundTopic) -> tuple[str, ...]:
    return tuple(sorted(set(spec.kafka_config()) - set(found.config)))


def _refuse_moving_keys(admin: Admin, changes: Sequence[Change]) -> None:
    for change in changes:
        if change.kind is not ChangeKind.ADD_PARTITIONS:
            continue
        held = sum(admin.end_offsets([change.topic]).values())
        if held:
            raise TopicsRefusedError(
                f"topic {change.topic}: {change.before}, {change.partitions} wanted, and it holds "
                f"{held} records: their keys would move to other partitions; stop the workers and "
                "say --repartition, or make a new topic and replay into it"
            )
