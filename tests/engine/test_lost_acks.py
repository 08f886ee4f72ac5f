"""Acknowledgements that are lost on the way, and requests that arrive twice, on a real Kafka."""

import random
from collections.abc import Iterator

import pytest

from infra.kafka.config import producer_config
from infra.kafka.follower import Follower
from infra.kafka.publisher import Publisher
from infra.settings import KafkaSettings
from schemas.codec import Codec
from schemas.records import ModelRelease
from schemas.registry import FileRegistry
from schemas.topics import MODEL_RELEASES
from tests.kafka_proxy import Proxy
from tests.rollout_log import proposal

pytestmark = [pytest.mark.engine, pytest.mark.kafka]

CODEC = Codec(FileRegistry())
COUNT = 60


@pytest.fixture
def proxy(fresh_kafka: KafkaSettings) -> Iterator[Proxy]:
    made = Proxy(fresh_kafka, random.Random(7), losing=0.2, doubling=0.2)
    yield made
    made.close()


def _publish(kafka: KafkaSettings, name: str) -> list[str]:
    """Records one after another, each in a request of its own; their ids."""
    records = [proposal(f"{name}-{number}", counter=number + 1) for number in range(COUNT)]
    with Publisher(kafka, CODEC, name, linger_s=0.0) as publisher:
        for record in records:
            publisher.publish(MODEL_RELEASES, record)
            publisher.flush()
    return [record.release_id for record in records]


def _stored(kafka: KafkaSettings) -> list[str]:
    follower = Follower(kafka, CODEC, [MODEL_RELEASES])
    try:
        found: list[ModelRelease] = [fact.record for fact in follower.catch_up()]
    finally:
        follower.close()
    return [record.release_id for record in found]


def test_a_record_stands_once_though_its_acknowledgement_was_lost_or_it_arrived_twice(
    fresh_kafka: KafkaSettings, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = _publish(proxy.settings, "safe")
    assert (proxy.lost > 5, proxy.doubled > 5) == (True, True)
    assert _stored(fresh_kafka) == sent

    def careless(*given: object, **settings: object) -> dict[str, object]:
        plain = producer_config(*given, **settings)  # type: ignore[arg-type] # handed on as given
        return plain | {"enable.idempotence": False}

    monkeypatch.setattr("infra.kafka.publisher.producer_config", careless)
    again = _publish(proxy.settings, "careless")
    found = _stored(fresh_kafka)[COUNT:]
    assert list(dict.fromkeys(found)) == again
    assert len(found) > COUNT, "the proxy does nothing that an idempotent producer mends"
