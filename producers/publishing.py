"""What producers need of a publisher, so that tests need no broker."""

from typing import Any, Protocol

from schemas.topics import TopicSpec


class Publishing(Protocol):
    """Where records go: `infra.kafka.publisher.Publisher`."""

    def publish(self, topic: TopicSpec, record: Any) -> None:
        """Encode and queue one record."""

    def flush(self) -> None:
        """Wait until all queued records are acknowledged.

        Raises:
            DeliveryError: The broker did not take one.
        """
