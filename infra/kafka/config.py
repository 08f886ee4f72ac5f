"""Client configurations: every setting that differs from the library's, with its reason."""

import logging
from typing import Any, Final

from infra.settings import KafkaSettings

logger = logging.getLogger("fleetloop.kafka")

QUEUE_LIMIT_RECORDS: Final = 100_000
QUEUE_LIMIT_KB: Final = 64 * 1024
PREFETCH_KB: Final = 8 * 1024
LONGEST_BYTES: Final = 2 << 20
LONGEST_LETTER_BYTES: Final = 64 << 20
"""Longest record before it is compressed; a letter holds whatever a broker let in."""
MEMORY_SESSION_S: Final = 6.0
MEMORY_HEARTBEAT_S: Final = 0.5


def session_s(kafka: KafkaSettings) -> float:
    """Seconds after which a silent group member is replaced.

    The embedded broker lets a new member wait for half of it, so it gets a short one.
    """
    return MEMORY_SESSION_S if kafka.memory_only else kafka.session_timeout_s


def heartbeat_s(kafka: KafkaSettings) -> float:
    """Seconds between two heartbeats: a tenth of the session, so that nine may be lost."""
    return MEMORY_HEARTBEAT_S if kafka.memory_only else session_s(kafka) / 10


def base_config(kafka: KafkaSettings, client_id: str) -> dict[str, Any]:
    """Connection and logging, shared by all clients."""
    return {
        **kafka.client_config(),
        "client.id": client_id,
        "logger": logger,
        "log.connection.close": False,  # an idle connection that closes is not news
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 1_000,  # a restarted broker is found within a second
        "topic.metadata.refresh.interval.ms": 10_000,
    }


def producer_config(
    kafka: KafkaSettings,
    client_id: str,
    *,
    linger_s: float,
    delivery_timeout_s: float,
    longest_bytes: int = LONGEST_BYTES,
) -> dict[str, Any]:
    """Configuration of the one way records are written."""
    return {
        **base_config(kafka, client_id),
        "enable.idempotence": True,  # a retried request must not store a record twice
        "partitioner": "murmur2_random",  # as every other Kafka client; librdkafka's own differs
        "compression.type": "lz4",  # half the bytes for little CPU
        "linger.ms": linger_s * 1_000,
        "delivery.timeout.ms": int(delivery_timeout_s * 1_000),
        "request.timeout.ms": int(min(delivery_timeout_s, 10.0) * 1_000),
        "queue.buffering.max.messages": QUEUE_LIMIT_RECORDS,
        "queue.buffering.max.kbytes": QUEUE_LIMIT_KB,
        "message.max.bytes": longest_bytes,  # beside the topic's own, which an operator can raise
    }


def consumer_config(
    kafka: KafkaSettings, client_id: str, group_id: str | None = None
) -> dict[str, Any]:
    """Configuration of a reader; without `group_id` it joins no group and commits nothing."""
    config = {
        **base_config(kafka, client_id),
        "group.id": group_id or f"{client_id}-alone",  # the library wants one even unused
        "enable.auto.commit": False,  # positions are committed with their work, never by a clock
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",  # an offset that is gone is lost data: said, not skipped
        "queued.max.messages.kbytes": PREFETCH_KB,
        "fetch.max.bytes": PREFETCH_KB * 1024,  # one answer of 50 MB would overrun the prefetch
        "max.partition.fetch.bytes": 256 * 1024,  # as sent: unpacked it is several times more
        # With the prefetch full the library asks again only after this; its own second is longer
        # than our readers need to empty it: they stood idle three quarters of a backlog.
        "fetch.queue.backoff.ms": 20,
        "fetch.wait.max.ms": 100,
        "fetch.error.backoff.ms": 100,
    }
    if group_id is not None:
        config["session.timeout.ms"] = int(session_s(kafka) * 1_000)
        config["heartbeat.interval.ms"] = int(heartbeat_s(kafka) * 1_000)
        config["partition.assignment.strategy"] = "roundrobin"
    return config
