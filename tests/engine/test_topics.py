"""Topics are planned, applied and changed on real brokers."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from infra.kafka.admin import Admin, AdminError, UnknownTopicError
from infra.kafka.errors import KafkaUnreachableError
from infra.settings import KafkaSettings
from infra.stack.ports import LOOPBACK, free_port
from infra.stack.supervisor import Supervisor
from infra.stack.tansu import TansuBroker
from infra.topics import ChangeKind, TopicsRefusedError, apply, apply_all, current, plan, scaled
from schemas.topics import DEVICE_PARTITIONS, DEVICES, TOPICS, TopicSpec
from tests.engines import CrashableBroker

pytestmark = pytest.mark.engine


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Admin]:
    """An embedded broker without any topic."""
    with Supervisor(tmp_path) as supervised:
        broker = TansuBroker(supervised)
        broker.start()
        yield Admin(broker.settings)


def test_applying_once_leaves_nothing_to_do(fresh: Admin) -> None:
    assert len(apply_all(fresh).changes) == len(TOPICS)
    assert set(fresh.names()) == set(TOPICS)
    assert apply_all(fresh).changes == ()


@pytest.mark.kafka
def test_topics_on_kafka_are_made_altered_and_widened(kafka_broker: CrashableBroker) -> None:
    admin = Admin(kafka_broker.settings)
    spec = TopicSpec(name="plan-on-kafka", key="device_id", partitions=2)
    apply(admin, plan([spec], {}).changes)
    assert plan([spec], admin.describe([spec.name])).changes == ()

    shorter = TopicSpec(name=spec.name, key=spec.key, partitions=3, retention_ms=1000)
    todo = plan([shorter], admin.describe([spec.name]))
    assert [change.kind for change in todo.changes] == [
        ChangeKind.ALTER_CONFIG,
        ChangeKind.ADD_PARTITIONS,
    ]
    apply(admin, todo.changes)
    assert plan([shorter], admin.describe([spec.name])).changes == ()

    producer = Producer(kafka_broker.settings.client_config())
    producer.produce(spec.name, value=b"x")
    assert producer.flush(30) == 0
    wider = TopicSpec(name=spec.name, key=spec.key, partitions=4, retention_ms=1000)
    todo = plan([wider], admin.describe([spec.name]))
    with pytest.raises(TopicsRefusedError, match="holds 1 records"):
        apply(admin, todo.changes)
    apply(admin, todo.changes, repartition=True)
    assert admin.describe([spec.name])[spec.name].partitions == 4


@pytest.mark.kafka
def test_every_setting_of_the_registry_is_accepted_by_kafka(kafka_broker: CrashableBroker) -> None:
    admin = Admin(kafka_broker.settings)
    wanted = scaled(list(TOPICS.values()), DEVICE_PARTITIONS)
    have = {name: topic for name, topic in current(admin).items() if name in TOPICS}
    apply(admin, plan(wanted, have).changes)
    told = admin.describe(list(TOPICS))
    assert plan(wanted, told).changes == ()
    assert plan(wanted, told).untold == {}
    assert told[DEVICES.name].config["message.timestamp.type"] == "LogAppendTime"


def test_an_unknown_topic_is_named(fresh: Admin) -> None:
    with pytest.raises(UnknownTopicError, match="nowhere"):
        fresh.describe(["nowhere"])
    with pytest.raises(UnknownTopicError, match="nowhere"):
        fresh.end_offsets(["nowhere"])
    assert fresh.describe([]) == {}


def test_what_the_broker_refuses_is_told_in_its_words(fresh: Admin) -> None:
    fresh.create("once", 1, 1, {})
    with pytest.raises(AdminError, match=r"create topic once at 127.*already exists"):
        fresh.create("once", 1, 1, {})


def test_a_broker_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.kafka.admin._TIMEOUT_S", 0.5)
    address = f"{LOOPBACK}:{free_port()}"
    admin = Admin(KafkaSettings(bootstrap=address))
    assert not admin.answers(0.2)
    with pytest.raises(KafkaUnreachableError, match=f"list topics at {address}"):
        admin.names()
