"""Which engines a stack is made of, as people write it: embedded, kafka, file, an address."""

from dataclasses import dataclass
from typing import Final, Self

from infra.settings import ClickHouseSettings, KafkaSettings

EMBEDDED: Final = "embedded"
KAFKA: Final = "kafka"
FILE: Final = "file"
APICURIO: Final = "apicurio"
_TCP: Final = 9000
_HTTP: Final = 8123


class SpecError(ValueError):
    """A part of a stack is none of its forms; the message names part, value and forms."""


@dataclass(frozen=True, slots=True)
class StackSpec:
    """What to start and what to reach.

    Attributes:
        broker: `embedded` (memory only), `kafka` (a real one, started here) or HOST:PORT[,...].
        clickhouse: `embedded` or HOST[:TCP_PORT[:HTTP_PORT]].
        registry: `file` (the schemas of this package), `apicurio` (started here) or a URL.
    """

    broker: str = EMBEDDED
    clickhouse: str = EMBEDDED
    registry: str = FILE

    def checked(self) -> Self:
        """The same spec.

        Raises:
            SpecError: A part is none of its forms.
        """
        if self.broker not in (EMBEDDED, KAFKA):
            for address in self.broker.split(","):
                _require_host_and_port(address)
        if self.clickhouse != EMBEDDED:
            clickhouse_at(self.clickhouse, ClickHouseSettings())
        if self.registry not in (FILE, APICURIO) and "://" not in self.registry:
            raise SpecError(f"registry {self.registry!r}: file, apicurio or http(s)://HOST:PORT")
        return self


def kafka_at(address: str, base: KafkaSettings) -> KafkaSettings:
    """Settings of a broker by address; how to reach it (TLS, SASL) is taken from `base`."""
    return base.model_copy(update={"bootstrap": address})


def clickhouse_at(address: str, base: ClickHouseSettings) -> ClickHouseSettings:
    """Settings of a server by HOST[:TCP_PORT[:HTTP_PORT]]; the rest is taken from `base`.

    Raises:
        SpecError: The address is not of that form.
    """
    form = "embedded or HOST[:TCP_PORT[:HTTP_PORT]]"
    host, *ports = address.split(":")
    if not host or len(ports) > 2:
        raise SpecError(f"clickhouse {address!r}: {form}")
    numbers = [_port("clickhouse", address, port, form) for port in ports]
    tcp, http = (numbers + [_TCP, _HTTP][len(numbers) :])[:2]
    return base.model_copy(update={"host": host, "tcp_port": tcp, "http_port": http})


def _require_host_and_port(address: str) -> None:
    form = "embedded, kafka or HOST:PORT[,HOST:PORT]"
    host, _, port = address.rpartition(":")
    if not host:
        raise SpecError(f"broker {address!r}: {form}")
    _port("broker", address, port, form)


def _port(part: str, address: str, port: str, form: str) -> int:
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise SpecError(f"{part} {address!r}: {port!r} is no port; {form}")
    return int(port)
