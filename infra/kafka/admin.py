"""Administration of the log: topics, their settings, ids and offsets, in plain types."""

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import (  # type: ignore[attr-defined] # it re-exports without __all__
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourceType,
)

from infra.kafka.ends import LogEnds
from infra.kafka.errors import KafkaUnreachableError
from infra.settings import KafkaSettings

_TIMEOUT_S: Final = 15.0
_PROBE_S: Final = 1.0
_LOOK_S: Final = 0.02
# Beside errors that arrive as exceptions, librdkafka would write each refused connection.
_ONLY_CRITICAL: Final = 2

Result = TypeVar("Result")


class AdminError(RuntimeError):
    """The broker refused; the message names what was asked of whom."""


class UnknownTopicError(AdminError):
    """The broker has no topic of that name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundTopic:
    """A topic as the broker has it.

    Attributes:
        topic_id: Identity of the log: a topic deleted and made again has another one.
        config: What the broker tells of its settings; the embedded broker tells not all.
    """

    name: str
    topic_id: str
    partitions: int
    config: Mapping[str, str]


class Admin:
    """Administration client; safe to keep, connects when first asked.

    Raises:
        AdminError: The settings cannot be used, for example a certificate file is missing.
        ValueError: The password file cannot be read.
    """

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self._bootstrap = kafka.bootstrap
        self._last_error = ""
        config: dict[str, Any] = {
            **kafka.client_config(),
            "client.id": "fleetloop-admin",
            "log_level": _ONLY_CRITICAL,
            "error_cb": self._note,
        }
        try:
            self._client = AdminClient(config)
        except KafkaException as error:
            raise self._error("use the Kafka settings", error) from error

    def answers(self, timeout_s: float = _PROBE_S) -> bool:
        """Whether a broker answers within `timeout_s` seconds."""
        try:
            return bool(self._client.list_topics(timeout=timeout_s).brokers)
        except KafkaException:
            self._client.poll(0)
            return False

    @property
    def last_error(self) -> str:
        """Why the last connection failed, in the client's words; empty when none did."""
        return self._last_error

    def names(self) -> set[str]:
        """Names of all topics but the broker's own.

        Raises:
            KafkaUnreachableError: No answer.
        """
        try:
            known = self._client.list_topics(timeout=_TIMEOUT_S).topics
        except KafkaException as error:
            raise self._error("list topics", error) from error
        return {name for name in known if not name.startswith("__")}

    def describe(self, names: Collection[str]) -> dict[str, FoundTopic]:
        """Topics by name.

        Raises:
            UnknownTopicError: One is not there; the message names it.
            KafkaUnreachableError: No answer.
        """
        if not names:
            return {}
        futures = self._client.describe_topics(
            TopicCollection(sorted(names)), request_timeout=_TIMEOUT_S
        )
        configs = self._configs(names)
        found = {}
        for name, future in futures.items():
            told = self._result(f"describe topic {name}", future)
            found[name] = FoundTopic(
                name=name,
                topic_id=str(told.topic_id),
                partitions=len(told.partitions),
                config=configs[name],
            )
        return found

    def topic_ids(self, names: Collection[str]) -> dict[str, str]:
        """Identity of each topic's log, by name. Raises as `describe`."""
        futures = self._client.describe_topics(
            TopicCollection(sorted(names)), request_timeout=_TIMEOUT_S
        )
        return {
            name: str(self._result(f"describe topic {name}", future).topic_id)
            for name, future in futures.items()
        }

    def create(
        self, name: str, partitions: int, replication: int, config: Mapping[str, str]
    ) -> None:
        """Make a topic and wait until the broker knows it; one that is there is an AdminError."""
        topic = NewTopic(
            name, num_partitions=partitions, replication_factor=replication, config=dict(config)
        )
        self._each(f"create topic {name}", self._client.create_topics([topic]).values())
        self._until(f"topic {name} is there", lambda: name in self.names())

    def delete(self, names: Collection[str]) -> None:
        """Delete topics with all that they hold, and wait until the broker forgot them."""
        futures = self._client.delete_topics(list(names)).values()
        self._each(f"delete topics {sorted(names)}", futures)
        self._until(f"topics {sorted(names)} are gone", lambda: self.names().isdisjoint(names))

    def set_config(self, name: str, config: Mapping[str, str]) -> None:
        """Set some settings of a topic, and wait until they hold; others stay as they are."""
        entries = [
            ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
            for key, value in config.items()
        ]
        resource = ConfigResource(ResourceType.TOPIC, name, incremental_configs=entries)
        futures = self._client.incremental_alter_configs([resource])
        self._each(f"set {dict(config)} of topic {name}", futures.values())
        self._until(f"{dict(config)} of topic {name} hold", lambda: self._holds(name, config))

    def add_partitions(self, name: str, total: int) -> None:
        """Raise the number of partitions of a topic to `total`, and wait until they are there."""
        futures = self._client.create_partitions([NewPartitions(name, total)])
        self._each(f"raise topic {name} to {total} partitions", futures.values())
        self._until(
            f"{total} partitions of topic {name} are there",
            lambda: self._partition_counts([name])[name] == total,
        )

    def end_offsets(self, names: Collection[str]) -> dict[tuple[str, int], int]:
        """Offset that the next record will get, by (topic, partition).

        Raises:
            UnknownTopicError: There is no topic of a name.
            KafkaUnreachableError: The broker does not tell where the logs end.
        """
        counts = self._partition_counts(names)
        ends = LogEnds(self._kafka)
        try:
            return dict(
                ends.ask([(name, n) for name, count in counts.items() for n in range(count)])
            )
        finally:
            ends.close()

    def _partition_counts(self, names: Collection[str]) -> dict[str, int]:
        try:
            known = self._client.list_topics(timeout=_TIMEOUT_S).topics
        except KafkaException as error:
            raise self._error("list topics", error) from error
        for name in names:
            if name not in known:
                raise UnknownTopicError(
                    f"no topic {name} at {self._bootstrap}: make it with `fleetloop topics apply`"
                )
        return {name: len(known[name].partitions) for name in names}

    def _configs(self, names: Collection[str]) -> dict[str, dict[str, str]]:
        futures = self._client.describe_configs(
            [ConfigResource(ResourceType.TOPIC, name) for name in sorted(names)],
            request_timeout=_TIMEOUT_S,
        )
        return {
            resource.name: {
                key: entry.value
                for key, entry in self._result(f"settings of {resource.name}", future).items()
                if entry.value is not None
            }
            for resource, future in futures.items()
        }

    def _note(self, error: KafkaError) -> None:
        # That all brokers are down follows from the reason, which came before it.
        if error.code() != KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001 - librdkafka's local errors have no other name
            self._last_error = error.str()

    def _holds(self, name: str, config: Mapping[str, str]) -> bool:
        told = self._configs([name])[name]
        return all(told.get(key, value) == value for key, value in config.items())

    def _until(self, what: str, condition: Callable[[], bool]) -> None:
        """Kafka answers when its controller has decided; the broker learns of it a little later."""
        deadline = time.monotonic() + _TIMEOUT_S
        while not condition():
            if time.monotonic() > deadline:
                raise AdminError(
                    f"{what} at {self._bootstrap}: accepted, but not seen after {_TIMEOUT_S:.0f} s"
                )
            time.sleep(_LOOK_S)

    def _each(self, what: str, futures: Iterable["Future[Any]"]) -> None:
        for future in futures:
            self._result(what, future)

    def _result(self, what: str, future: "Future[Result]") -> Result:
        try:
            return future.result(timeout=_TIMEOUT_S * 2)
        except KafkaException as error:
            raise self._error(what, error) from error
        except TimeoutError as error:
            raise KafkaUnreachableError(
                f"{what}: no answer from {self._bootstrap} in {_TIMEOUT_S * 2:.0f} s"
            ) from error

    def _error(self, what: str, error: KafkaException) -> AdminError | KafkaUnreachableError:
        cause: KafkaError = error.args[0]
        text = f"{what} at {self._bootstrap}: {cause.str()}"
        if cause.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            return UnknownTopicError(f"{text}; make it with `fleetloop topics apply`")
        if cause.code() in _UNREACHABLE:
            return KafkaUnreachableError(f"{text}; is the broker running there?")
        return AdminError(text)


_UNREACHABLE: Final = frozenset(
    {
        KafkaError._TRANSPORT,  # noqa: SLF001 - librdkafka's local errors have no other name
        KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001 - as above
        KafkaError._TIMED_OUT,  # noqa: SLF001 - as above
        KafkaError._RESOLVE,  # noqa: SLF001 - as above
        KafkaError._SSL,  # noqa: SLF001 - as above
        KafkaError._AUTHENTICATION,  # noqa: SLF001 - as above
    }
)
