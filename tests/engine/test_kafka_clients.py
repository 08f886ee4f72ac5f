"""Publisher, follower, ends and group loop on the embedded broker."""

import threading
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from infra.kafka.admin import Admin, UnknownTopicError
from infra.kafka.ends import LogEnds, Source
from infra.kafka.errors import (
    CatchUpError,
    DeliveryError,
    KafkaUnreachableError,
    LogChangedError,
    QueueFullError,
)
from infra.kafka.follower import Follower
from infra.kafka.loop import Committed, Deadline, GroupLoop
from infra.kafka.message_columns import MessageColumns
from infra.kafka.messages import RawMessage
from infra.kafka.publisher import Publisher
from infra.settings import KafkaSettings
from infra.stack.ports import free_port
from infra.stack.supervisor import Supervisor
from infra.stack.tansu import TansuBroker
from schemas.codec import Codec
from schemas.records import Erasure
from schemas.registry import FileRegistry
from schemas.topics import ERASURES, INFERENCE_EVENTS, TopicSpec
from tests.engines import CrashableBroker

pytestmark = pytest.mark.engine

CODEC = Codec(FileRegistry())
TRACE = ("traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaSettings]:
    with Supervisor(tmp_path_factory.mktemp("clients")) as running:
        embedded = TansuBroker(running)
        embedded.start()
        yield embedded.settings


@pytest.fixture
def topic(kafka: KafkaSettings) -> TopicSpec:
    spec = replace(INFERENCE_EVENTS, name=f"raw-{uuid.uuid4().hex[:8]}", partitions=2)
    Admin(kafka).create(spec.name, spec.partitions, 1, {})
    return spec


@pytest.fixture
def erasures(kafka: KafkaSettings) -> Iterator[TopicSpec]:
    Admin(kafka).create(ERASURES.name, 1, 1, {})
    yield ERASURES
    Admin(kafka).delete([ERASURES.name])


@pytest.fixture
def publisher(kafka: KafkaSettings) -> Iterator[Publisher]:
    with Publisher(kafka, CODEC, "test") as made:
        yield made


def erasure(device: str) -> Erasure:
    return Erasure(
        event_id=f"erasure/{device}",
        source="simulated",
        device_id=device,
        by="operator",
        reason="asked",
        requested_ts=1_750_000_000_000_000,
    )


def fill(publisher: Publisher, topic: TopicSpec, count: int) -> None:
    for at in range(count):
        publisher.publish_bytes(topic, b"key", str(at).encode(), partition=at % 2)
    publisher.flush()


def test_ends_count_every_acknowledged_record(
    kafka: KafkaSettings, topic: TopicSpec, publisher: Publisher
) -> None:
    ends = LogEnds(kafka)
    sources: list[Source] = [(topic.name, 0), (topic.name, 1)]
    assert ends.ask(sources) == {sources[0]: 0, sources[1]: 0}
    for total in (301, 602):
        fill(publisher, topic, 301)
        assert sum(ends.ask(sources).values()) == total
    assert ends.ask_begin(sources) == {sources[0]: 0, sources[1]: 0}
    ends.close()


def test_a_follower_reads_what_was_acknowledged_before_it_was_asked(
    kafka: KafkaSettings, erasures: TopicSpec, publisher: Publisher
) -> None:
    follower = Follower(kafka, CODEC, [erasures])
    assert follower.catch_up() == []
    for at in range(3):
        publisher.publish(erasures, erasure(f"d{at}"), headers=[TRACE])
        publisher.publish_bytes(erasures, b"d", b"not avro")
        publisher.publish_bytes(erasures, b"d", None)
        publisher.flush()
        facts = follower.catch_up()
        assert [fact.record.device_id for fact in facts] == [f"d{at}"]
        assert facts[0].offset == at * 3
    assert follower.refused == {erasures.name: 3}
    follower.close()


def test_a_follower_tells_when_its_log_was_made_again(
    kafka: KafkaSettings, erasures: TopicSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.kafka.follower._IDENTITY_EVERY_S", 0.0)
    follower = Follower(kafka, CODEC, [erasures])
    Admin(kafka).delete([erasures.name])
    Admin(kafka).create(erasures.name, 1, 1, {})
    with pytest.raises(LogChangedError, match=f"topic {erasures.name} was deleted and made again"):
        follower.catch_up()
    follower.close()


def test_a_follower_that_cannot_catch_up_says_how_far_it_came(
    kafka: KafkaSettings, erasures: TopicSpec, publisher: Publisher
) -> None:
    follower = Follower(kafka, CODEC, [erasures])
    publisher.publish(erasures, erasure("d"))
    publisher.flush()
    follower._ends.ask = lambda *_: {(erasures.name, 0): 7}  # type: ignore[method-assign] # an end that is never reached
    with pytest.raises(CatchUpError, match=r"erasures/0 at 1 of 7"):
        follower.catch_up(0.5)
    follower.close()


def test_a_topic_that_is_not_there_is_named(kafka: KafkaSettings, topic: TopicSpec) -> None:
    with pytest.raises(UnknownTopicError, match=f"{topic.name}-not"):
        Follower(kafka, CODEC, [replace(topic, name=f"{topic.name}-not")])


def test_what_was_not_acknowledged_is_an_error_with_its_topic(topic: TopicSpec) -> None:
    nowhere = KafkaSettings(bootstrap=f"127.0.0.1:{free_port()}")
    publisher = Publisher(nowhere, CODEC, "test", delivery_timeout_s=0.3, linger_s=0.0)
    publisher.publish_bytes(topic, b"k", b"v")
    with pytest.raises(DeliveryError, match=rf"1 record\(s\) not acknowledged.*{topic.name}"):
        publisher.flush(5)
    publisher.close(0)


def test_a_full_queue_names_its_limit(topic: TopicSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.kafka.config.QUEUE_LIMIT_RECORDS", 10)
    monkeypatch.setattr("infra.kafka.publisher.QUEUE_LIMIT_RECORDS", 10)
    nowhere = KafkaSettings(bootstrap=f"127.0.0.1:{free_port()}")
    publisher = Publisher(nowhere, CODEC, "test", queue_timeout_s=0.2)
    for _ in range(10):
        publisher.publish_bytes(topic, b"k", b"v")
    with pytest.raises(QueueFullError, match="limit of 10 records"):
        publisher.publish_bytes(topic, b"k", b"v")
    publisher.close(0)


def test_ends_of_a_broker_that_is_not_there() -> None:
    ends = LogEnds(KafkaSettings(bootstrap=f"127.0.0.1:{free_port()}"))
    with pytest.raises(KafkaUnreachableError, match=r"127\.0\.0\.1"):
        ends.ask([("t", 0)], timeout_s=0.5)
    ends.close()


class Taking:
    """Takes batches and commits them, until a number of records was seen."""

    def __init__(self, enough: int) -> None:
        self.loop: GroupLoop | None = None
        self.seen: dict[Source, list[RawMessage]] = {}
        self.starts: list[Mapping[Source, Committed]] = []
        self.gone: list[Collection[Source]] = []
        self._enough = enough

    def assigned(self, committed: Mapping[Source, Committed]) -> Mapping[Source, int]:
        self.starts.append(committed)
        return {source: at.offset or 0 for source, at in committed.items()}

    def batch(self, source: Source, messages: MessageColumns) -> None:
        assert self.loop is not None
        self.seen.setdefault(source, []).extend(messages)
        at = Committed(messages[-1].offset + 1, "hi=99")
        self.loop.commit({source: at})
        if sum(map(len, self.seen.values())) >= self._enough:
            self.loop.stop()

    def revoked(self, sources: Collection[Source], deadline: Deadline) -> None:
        assert deadline.left() > 0
        self.gone.append(sources)

    def lost(self, sources: Collection[Source]) -> None:
        raise AssertionError(f"lost {sources}")

    def idle(self) -> None:
        assert self.loop is not None


def run_group(kafka: KafkaSettings, topic: TopicSpec, taking: Taking) -> GroupLoop:
    loop = GroupLoop(kafka, f"group-{topic.name}", [topic], taking)
    taking.loop = loop
    guard = threading.Timer(30, loop.stop)
    guard.start()
    try:
        loop.run()
    finally:
        guard.cancel()
    return loop


def test_a_group_goes_on_where_it_committed(
    kafka: KafkaSettings, topic: TopicSpec, publisher: Publisher
) -> None:
    fill(publisher, topic, 200)
    first = Taking(200)
    loop = run_group(kafka, topic, first)
    assert {source: len(taken) for source, taken in first.seen.items()} == {
        (topic.name, 0): 100,
        (topic.name, 1): 100,
    }
    assert [raw.offset for raw in first.seen[topic.name, 0]] == list(range(100))
    assert first.gone == [frozenset(first.seen)]
    assert loop.topic_ids == Admin(kafka).topic_ids([topic.name])
    fill(publisher, topic, 20)
    second = Taking(20)
    run_group(kafka, topic, second)
    assert [raw.value for raw in second.seen[topic.name, 1]] == [
        b"%d" % at for at in range(1, 20, 2)
    ]
    assert {at.offset for starts in second.starts for at in starts.values()} == {100}


def test_a_failing_handler_ends_the_loop_with_its_error(
    kafka: KafkaSettings, topic: TopicSpec, publisher: Publisher
) -> None:
    class Failing(Taking):
        def batch(self, source: Source, messages: MessageColumns) -> None:
            raise ZeroDivisionError(f"{source} {len(messages)}")

    fill(publisher, topic, 2)
    with pytest.raises(ZeroDivisionError):
        run_group(kafka, topic, Failing(2))


def test_an_error_while_starting_partitions_ends_the_loop(
    kafka: KafkaSettings, topic: TopicSpec
) -> None:
    class Refusing(Taking):
        def assigned(self, committed: Mapping[Source, Committed]) -> Mapping[Source, int]:
            raise ZeroDivisionError(str(committed))

    with pytest.raises(ZeroDivisionError):
        run_group(kafka, topic, Refusing(1))


def test_a_partition_that_is_not_owned_cannot_be_committed(
    kafka: KafkaSettings, topic: TopicSpec
) -> None:
    loop = GroupLoop(kafka, "group-none", [topic], Taking(0))
    with pytest.raises(ValueError, match="not owned"):
        loop.commit({(topic.name, 0): Committed(1)})
    loop._consumer.close()


class FakeConsumer:
    """Stands for the client's consumer: says a coordinator is loading, then 7 for everything."""

    def __init__(self) -> None:
        self.asked = 0

    def committed(self, wanted: Sequence[TopicPartition], timeout: float) -> list[TopicPartition]:
        assert timeout > 0
        self.asked += 1
        if self.asked == 1:
            raise KafkaException(KafkaError(KafkaError.COORDINATOR_LOAD_IN_PROGRESS))
        return [TopicPartition(at.topic, at.partition, 7) for at in wanted]

    def unassign(self) -> None:
        self.asked = 0


def test_a_coordinator_that_is_loading_is_asked_again(
    kafka: KafkaSettings, topic: TopicSpec
) -> None:
    loop = GroupLoop(kafka, "group-none", [topic], Taking(0))
    loop._consumer.close()
    loop._consumer = FakeConsumer()  # type: ignore[assignment] # answers as a broker just started
    assert loop._committed([(topic.name, 0)]) == {(topic.name, 0): Committed(7)}


def test_partitions_taken_away_while_stopping_are_finished_too(
    kafka: KafkaSettings, topic: TopicSpec
) -> None:
    """`stop` comes from another thread: the turn under way may still see a rebalance."""
    taking = Taking(0)
    loop = GroupLoop(kafka, "group-none", [topic], taking)
    loop._consumer.close()
    loop._owned.add((topic.name, 0))
    loop.stop()
    loop._on_revoke(FakeConsumer(), [TopicPartition(topic.name, 0)])
    assert taking.gone == [{(topic.name, 0)}]
    assert loop.owned == frozenset()


@pytest.mark.kafka
def test_a_follower_tells_when_its_log_has_more_partitions(
    kafka_broker: CrashableBroker, topic: TopicSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a real Kafka: the embedded broker cannot add partitions."""
    monkeypatch.setattr("infra.kafka.follower._IDENTITY_EVERY_S", 0.0)
    admin = Admin(kafka_broker.settings)
    admin.create(topic.name, 1, 1, {})
    follower = Follower(kafka_broker.settings, CODEC, [topic])
    admin.add_partitions(topic.name, 2)
    try:
        with pytest.raises(LogChangedError, match=rf"topic {topic.name} had 1 partition.*has 2"):
            follower.catch_up()
    finally:
        follower.close()
