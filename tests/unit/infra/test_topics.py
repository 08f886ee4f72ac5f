"""A topic plan says exactly what separates the broker from the topic registry."""

from collections.abc import Sequence
from dataclasses import replace
from unittest.mock import Mock, call

import pytest

from infra.kafka.admin import Admin, FoundTopic
from infra.topics import (
    Change,
    ChangeKind,
    TopicsRefusedError,
    apply,
    by_device,
    plan,
    scaled,
)
from schemas.topics import DEVICES, ERASURES, INFERENCE_EVENTS, TOPICS, TopicSpec

SPECS = list(TOPICS.values())


def found(spec: TopicSpec, **other: str) -> FoundTopic:
    """A topic as the plan wants it, with some settings otherwise."""
    config = {**spec.kafka_config(), "segment.bytes": "1073741824", **other}
    return FoundTopic(name=spec.name, topic_id="i", partitions=spec.partitions, config=config)


def test_an_empty_broker_gets_every_topic() -> None:
    todo = plan(SPECS, {})
    assert [change.topic for change in todo.changes] == list(TOPICS)
    assert {change.kind for change in todo.changes} == {ChangeKind.CREATE}
    assert todo.changes[0].config == SPECS[0].kafka_config()


def test_a_broker_that_has_all_gets_nothing() -> None:
    todo = plan(SPECS, {spec.name: found(spec) for spec in SPECS})
    assert (todo.changes, todo.untold, todo.unknown) == ((), {}, ())


def test_a_setting_that_differs_is_set_and_the_old_one_told() -> None:
    (change,) = plan([DEVICES], {"devices": found(DEVICES, **{"retention.ms": "7"})}).changes
    assert change == Change(
        kind=ChangeKind.ALTER_CONFIG,
        topic="devices",
        partitions=DEVICES.partitions,
        config={"retention.ms": "-1"},
        before="retention.ms=7",
    )


def test_a_setting_that_the_broker_does_not_tell_is_said_and_left() -> None:
    told = replace(found(DEVICES), config={"cleanup.policy": "compact"})
    todo = plan([DEVICES], {"devices": told})
    assert todo.changes == ()
    assert todo.untold == {
        "devices": ("message.timestamp.type", "min.compaction.lag.ms", "retention.ms")
    }


def test_a_topic_that_is_none_of_ours_is_only_reported() -> None:
    alien = replace(found(DEVICES), name="alien")
    todo = plan([DEVICES], {"devices": found(DEVICES), "alien": alien})
    assert (todo.changes, todo.unknown) == ((), ("alien",))


def test_more_partitions_are_added_and_fewer_refused() -> None:
    few = replace(found(DEVICES), partitions=1)
    (change,) = plan([DEVICES], {"devices": few}).changes
    assert (change.kind, change.partitions, change.before) == (
        ChangeKind.ADD_PARTITIONS,
        DEVICES.partitions,
        "1 partitions",
    )
    many = replace(found(DEVICES), partitions=9)
    with pytest.raises(TopicsRefusedError, match="topic devices: has 9 partitions, 4 wanted"):
        plan([DEVICES], {"devices": many})


def test_all_topics_of_devices_scale_together() -> None:
    counts = {spec.name: spec.partitions for spec in scaled(SPECS, 16)}
    assert {counts[spec.name] for spec in SPECS if by_device(spec)} == {16}
    assert counts[INFERENCE_EVENTS.name] == 16
    assert counts[ERASURES.name] == 1
    assert all(by_device(spec) for spec in SPECS if spec.from_devices)
    assert scaled(SPECS, None) == SPECS
    with pytest.raises(ValueError, match="device partitions 0: at least 1"):
        scaled(SPECS, 0)


def changes(*kinds: ChangeKind) -> Sequence[Change]:
    """One change of each kind to a topic named after it."""
    return [Change(kind=kind, topic=kind.value, partitions=3, config={"a": "b"}) for kind in kinds]


def test_changes_are_applied_in_order() -> None:
    admin = Mock(spec=Admin)
    apply(admin, changes(ChangeKind.CREATE, ChangeKind.ALTER_CONFIG), replication=3)
    assert admin.mock_calls == [
        call.create("CREATE", 3, 3, {"a": "b"}),
        call.set_config("ALTER_CONFIG", {"a": "b"}),
    ]


def test_keys_of_stored_records_move_only_on_purpose() -> None:
    admin = Mock(spec=Admin)
    admin.end_offsets.return_value = {("ADD_PARTITIONS", 0): 5, ("ADD_PARTITIONS", 1): 2}
    todo = changes(ChangeKind.CREATE, ChangeKind.ADD_PARTITIONS)
    with pytest.raises(TopicsRefusedError, match="holds 7 records: their keys would move"):
        apply(admin, todo)
    admin.create.assert_not_called()
    apply(admin, todo, repartition=True)
    admin.add_partitions.assert_called_once_with("ADD_PARTITIONS", 3)
    admin.end_offsets.return_value = {}
    apply(admin, todo)
    assert admin.add_partitions.call_count == 2
