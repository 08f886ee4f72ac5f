"""What can go wrong between this program and the log, each error with what to do."""

from collections.abc import Iterable


class KafkaUnreachableError(ConnectionError):
    """The broker did not answer in time."""


class LogChangedError(RuntimeError):
    """A topic is not the log it was: deleted and made again, or of another size."""


class CatchUpError(TimeoutError):
    """A followed topic could not be read to the end it had when asked."""


class LogReadError(RuntimeError):
    """Reading stopped at a place of the log where reading on would lose records."""


class DeliveryError(RuntimeError):
    """Records were not acknowledged.

    Attributes:
        topic: Topic of the first failure.
        count: Records not acknowledged, over all topics.
    """

    def __init__(self, topic: str, count: int, first: str) -> None:
        super().__init__(
            f"{count} record(s) not acknowledged, first on topic {topic}: {first}; "
            "nothing that rests on them may be committed"
        )
        self.topic = topic
        self.count = count


class QueueFullError(DeliveryError):
    """The send queue stayed at its limit: the broker takes less than is published."""


class CommitRefusedError(RuntimeError):
    """The group refused a commit.

    Attributes:
        fenced: This member no longer owns the partitions: it must stop work on them.
    """

    def __init__(
        self, group_id: str, partitions: Iterable[str], reason: str, *, fenced: bool
    ) -> None:
        super().__init__(f"group {group_id} refused to commit {', '.join(partitions)}: {reason}")
        self.fenced = fenced
