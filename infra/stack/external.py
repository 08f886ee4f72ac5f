"""Engines by address: reached, never started or stopped."""

from typing import Final

from infra.kafka.admin import Admin
from infra.kafka.errors import KafkaUnreachableError
from infra.settings import ClickHouseSettings, KafkaSettings
from infra.stack.clickhouse_http import server_version
from infra.stack.registry import registry_answers

_REACH_S: Final = 10.0


class RegistryUnreachableError(ConnectionError):
    """No schema registry answers; the message names the address."""


class ExternalBroker:
    """A Kafka cluster by bootstrap address, with TLS and SASL from the settings."""

    child: None = None

    def __init__(self, settings: KafkaSettings) -> None:
        self.settings = settings

    @property
    def version(self) -> str:
        """What is known of it."""
        return f"kafka at {self.settings.bootstrap}"

    def start(self) -> None:
        """Reach it.

        Raises:
            KafkaUnreachableError: It does not answer; the message names address and protocol.
        """
        admin = Admin(self.settings)
        if not admin.answers(_REACH_S):
            raise KafkaUnreachableError(
                f"broker {self.settings.bootstrap} ({self.settings.security_protocol}): no answer "
                f"in {_REACH_S:.0f} s ({admin.last_error or 'nothing was said'}); check the "
                "address, FLEETLOOP_KAFKA__SECURITY_PROTOCOL, the certificates and the password "
                "file"
            )

    def stop(self) -> None:
        """Nothing: it is not ours."""


class ExternalClickHouse:
    """A ClickHouse server or cluster by address."""

    child: None = None

    def __init__(self, settings: ClickHouseSettings) -> None:
        self.settings = settings
        self.version = f"clickhouse at {settings.host}"

    def start(self) -> None:
        """Reach it; raises ClickHouseUnreachableError when it does not answer."""
        self.version = (
            f"clickhouse {server_version(self.settings)} at "
            f"{self.settings.host}:{self.settings.tcp_port}"
        )

    def stop(self) -> None:
        """Nothing: it is not ours."""


class ExternalRegistry:
    """A Confluent-compatible registry by URL; its schemas are registered by CI, not here."""

    child: None = None

    def __init__(self, url: str) -> None:
        self.url = url
        self.address = url
        self.version = f"registry at {url}"

    def start(self) -> None:
        """Reach it.

        Raises:
            RegistryUnreachableError: It does not answer.
        """
        if not registry_answers(self.url):
            raise RegistryUnreachableError(
                f"schema registry {self.url}: GET /subjects is not answered; check the address"
            )

    def stop(self) -> None:
        """Nothing: it is not ours."""
