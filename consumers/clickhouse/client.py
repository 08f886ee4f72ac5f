"""The native connection to ClickHouse: statements, queries and verification."""

import logging
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from clickhouse_driver import Client
from clickhouse_driver.errors import Error as DriverError
from clickhouse_driver.errors import NetworkError

from infra.settings import ClickHouseSettings, secret_from

CONNECT_TIMEOUT_S: Final = 5.0
# A subquery over all shards is asked once and its answer sent to them, not asked by each of them.
_SPREAD: Final = {"distributed_product_mode": "global"}
QUERY_TIMEOUT_S: Final = 60.0
_NOT_MADE: Final = frozenset({60, 81})  # UNKNOWN_TABLE, UNKNOWN_DATABASE

# The driver logs each refused connection with its stack; the error raised here says it once.
logging.getLogger("clickhouse_driver.connection").setLevel(logging.CRITICAL)


class ClickHouseError(RuntimeError):
    """ClickHouse refused a statement; the message holds its code and words."""

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


class UnreachableError(ClickHouseError):
    """No answer from ClickHouse; the message names its address."""


class Native:
    """One native connection; its only errors are `ClickHouseError` and `UnreachableError`."""

    def __init__(self, client: Client, address: str) -> None:
        self._client = client
        self._address = address

    def execute(
        self, statement: str, params: Mapping[str, Any] | None = None
    ) -> list[tuple[Any, ...]]:
        """Rows of a statement; `params` stand in it as {name:Type}, bound by the server."""
        with _named_errors(self._address):
            return list(self._client.execute(statement, params) or [])

    def query(
        self, statement: str, params: Mapping[str, Any] | None = None
    ) -> tuple[list[tuple[Any, ...]], list[str]]:
        """Rows and column names of a SELECT."""
        with _named_errors(self._address):
            rows, kinds = self._client.execute(statement, params, with_column_types=True)
        return list(rows), [name for name, _ in kinds]

    def stream(self, statement: str, params: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
        """Rows of a SELECT, taken from the server while they are used."""
        with _named_errors(self._address):
            yield from self._client.execute_iter(statement, params)

    def insert(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        """Send rows behind `INSERT INTO ... VALUES`."""
        with _named_errors(self._address):
            self._client.execute(statement, rows)


@contextmanager
def native(settings: ClickHouseSettings, *, database: str | None = None) -> Generator[Native]:
    """Open a native connection; nothing is sent before the first statement.

    Raises:
        UnreachableError: Nothing answers at clickhouse.host:tcp_port.
        ClickHouseError: A statement was refused.
    """
    client = Client(
        settings.host,
        port=settings.tcp_port,
        database=settings.database if database is None else database,
        user=settings.user,
        password=secret_from(settings.password_file).get_secret_value(),
        secure=settings.secure,
        ca_certs=str(settings.ca_file) if settings.ca_file else None,
        connect_timeout=CONNECT_TIMEOUT_S,
        send_receive_timeout=QUERY_TIMEOUT_S,
        settings={"server_side_params": True} | (_SPREAD if settings.cluster else {}),
    )
    try:
        yield Native(client, f"{settings.host}:{settings.tcp_port}")
    finally:
        client.disconnect()


@contextmanager
def _named_errors(address: str) -> Generator[None]:
    try:
        yield
    except (NetworkError, EOFError, OSError) as error:
        raise UnreachableError(
            f"ClickHouse at {address} does not answer: {error}; start it or change "
            "FLEETLOOP_CLICKHOUSE__HOST and __TCP_PORT"
        ) from error
    except DriverError as error:
        words = str(error).split("Stack trace")[0].strip().splitlines()
        code = int(error.code or 0)
        remedy = "; make the tables with `fleetloop clickhouse apply`" if code in _NOT_MADE else ""
        raise ClickHouseError(" ".join(words) + remedy, code) from error
