"""What a consumer group has committed, asked from outside: the group is not joined."""

from collections.abc import Collection, Mapping

from confluent_kafka import Consumer, KafkaException, TopicPartition

from infra.kafka.config import consumer_config
from infra.kafka.ends import Source
from infra.kafka.errors import KafkaUnreachableError
from infra.kafka.loop import Committed
from infra.settings import KafkaSettings


def committed(
    kafka: KafkaSettings, group_id: str, sources: Collection[Source], timeout_s: float = 10.0
) -> Mapping[Source, Committed]:
    """Position and metadata of each partition; the offset is None where nothing was committed.

    Raises:
        KafkaUnreachableError: No answer within `timeout_s`.
    """
    if not sources:
        return {}
    consumer = Consumer(consumer_config(kafka, "positions", group_id))
    try:
        answers = consumer.committed([TopicPartition(*at) for at in sources], timeout=timeout_s)
    except KafkaException as error:
        raise KafkaUnreachableError(
            f"{kafka.bootstrap} did not tell the offsets of group {group_id}: {error.args[0].str()}"
        ) from error
    finally:
        consumer.close()
    found = {}
    for at in answers:
        if at.error is not None:
            raise KafkaUnreachableError(
                f"committed offset of {at.topic}/{at.partition}, group {group_id}: {at.error}"
            )
        offset = at.offset if at.offset >= 0 else None
        found[at.topic, at.partition] = Committed(offset, at.metadata or "")
    return found
