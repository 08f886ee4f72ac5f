"""Client configurations: the settings that guarantees rest on."""

from infra.kafka.config import (
    MEMORY_SESSION_S,
    consumer_config,
    heartbeat_s,
    producer_config,
    session_s,
)
from infra.settings import KafkaSettings


def test_writers_are_idempotent_and_partition_as_faust_does() -> None:
    config = producer_config(KafkaSettings(), "test", linger_s=0.02, delivery_timeout_s=30)
    assert config["enable.idempotence"] is True
    assert config["partitioner"] == "murmur2_random"
    assert config["linger.ms"] == 20


def test_readers_never_commit_by_a_clock_nor_skip_what_is_gone() -> None:
    config = consumer_config(KafkaSettings(), "test", "group")
    assert config["enable.auto.commit"] is False
    assert config["auto.offset.reset"] == "error"


def test_a_reader_without_a_group_has_no_session() -> None:
    assert "session.timeout.ms" not in consumer_config(KafkaSettings(), "test")


def test_the_embedded_broker_gets_a_short_session() -> None:
    kafka = KafkaSettings(memory_only=True, session_timeout_s=30)
    assert session_s(kafka) == MEMORY_SESSION_S
    assert consumer_config(kafka, "test", "group")["session.timeout.ms"] == 6_000


def test_nine_heartbeats_may_be_lost() -> None:
    kafka = KafkaSettings(session_timeout_s=10)
    assert heartbeat_s(kafka) * 10 == session_s(kafka)
