"""ClickHouse over HTTP as the sink uses it: small questions, and inserts under a lease."""

import hashlib
import io
import ssl
from collections.abc import Mapping
from typing import Any, Final

import httpx
import pyarrow as pa

from consumers.clickhouse.columns import Target
from consumers.clickhouse.faults import Fault, fault
from infra.settings import ClickHouseSettings, secret_from

CONNECT_TIMEOUT_S: Final = 5.0
ANSWER_TIMEOUT_S: Final = 60.0

# Everything an insert depends on, whatever the server's version or profile would choose.
INSERT_SETTINGS: Final[Mapping[str, str]] = {
    "async_insert": "0",
    "insert_deduplicate": "1",
    "deduplicate_blocks_in_dependent_materialized_views": "1",
    # One Arrow batch is one block, however the server would read or squash it.
    "max_insert_threads": "1",
    "max_threads": "1",
    "min_insert_block_size_rows": "0",
    "min_insert_block_size_bytes": "0",
    "max_insert_block_size": "10000000",
    "input_format_parallel_parsing": "0",
    "parallel_view_processing": "0",
    # A table's part is there before its views begin: `consumers.clickhouse.settling` counts on it.
    "wait_for_part_commit_in_dependent_materialized_views": "1",
    "materialized_views_ignore_errors": "0",
    "optimize_on_insert": "1",
    "input_format_null_as_default": "0",
    "max_partitions_per_insert_block": "100",
}

_REMEDY: Final = (
    "If a table, column or view was changed by hand or by a migration gone wrong, put it back as "
    "`fleetloop clickhouse plan` and infra/clickhouse/migrations have it, then start the sink again"
)


class ServerError(RuntimeError):
    """ClickHouse did not do what was asked.

    Attributes:
        fault: What to do about it.
    """

    def __init__(self, message: str, found: Fault) -> None:
        super().__init__(message)
        self.fault = found


class Server:
    """One ClickHouse by HTTP; safe to use from several threads."""

    def __init__(self, settings: ClickHouseSettings) -> None:
        self.address = f"{settings.host}:{settings.http_port}"
        self.database = settings.database
        self._http = _client(settings)

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def ask(self, statement: str, **params: str | int) -> list[list[Any]]:
        """Rows of a SELECT; `params` stand in it as {name:Type}.

        Raises:
            ServerError: No answer or a refusal.
        """
        named = {f"param_{name}": str(value) for name, value in params.items()}
        answer = self._post(
            {**INSERT_SETTINGS, **named, "default_format": "JSONCompact"}, statement
        )
        rows: list[list[Any]] = answer.json()["data"]
        return rows

    def run(self, statement: str, *, token: str = "") -> None:
        """Run one statement; with a token it is an INSERT SELECT done at most once for it.

        Raises:
            ServerError: No answer, or a refusal; `fault` says what to do.
        """
        self._post({**INSERT_SETTINGS, **_named(token)}, statement)

    def insert(
        self,
        mapping: Target,
        rows: pa.RecordBatch,
        *,
        token: str,
        deadline_s: int,
        table: str = "",
    ) -> None:
        """Insert rows as one block, at most once for a token, and only before a deadline.

        Args:
            mapping: Table and column types.
            rows: Rows in the table's column order.
            token: Deduplication token of this range of the log.
            deadline_s: Unix seconds of the server's clock; it refuses the block later.
            table: A table like the mapping's to insert into instead.

        Raises:
            ServerError: No answer, or a refusal; `fault` says what to do.
        """
        query = _insert_statement(mapping, table or mapping.table, deadline_s)
        self._post({**INSERT_SETTINGS, **_named(token), "query": query}, _stream(rows))

    def _post(self, settings: Mapping[str, str], body: str | bytes) -> httpx.Response:
        try:
            answer = self._http.post("/", params=settings, content=body)
        except httpx.TransportError as error:
            raise ServerError(
                f"ClickHouse at {self.address} does not answer: {error or type(error).__name__}",
                Fault.WAIT,
            ) from error
        if answer.status_code != httpx.codes.OK:
            raise self._refused(answer)
        return answer

    def _refused(self, answer: httpx.Response) -> ServerError:
        code = int(answer.headers.get("X-ClickHouse-Exception-Code", 0))
        found = fault(code, answer.status_code, answer.text)
        remedy = f". {_REMEDY}" if found is Fault.STOP else ""
        words = answer.text[:500].strip()
        return ServerError(f"ClickHouse at {self.address}: {words}{remedy}", found)


def query_id(token: str) -> str:
    """Id of the query that inserts under a token."""
    return hashlib.sha256(token.encode()).hexdigest()[:32]


def _named(token: str) -> Mapping[str, str]:
    return {"insert_deduplication_token": token, "query_id": query_id(token)} if token else {}


def _client(settings: ClickHouseSettings) -> httpx.Client:
    scheme = "https" if settings.secure else "http"
    verify = ssl.create_default_context(cafile=settings.ca_file) if settings.secure else False
    headers = {"X-ClickHouse-User": settings.user, "X-ClickHouse-Database": settings.database}
    if password := secret_from(settings.password_file).get_secret_value():
        headers["X-ClickHouse-Key"] = password
    return httpx.Client(
        base_url=f"{scheme}://{settings.host}:{settings.http_port}",
        headers=headers,
        verify=verify,
        timeout=httpx.Timeout(ANSWER_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
        trust_env=False,  # a proxy meant for the internet would see the fleet's data
    )


def _insert_statement(mapping: Target, table: str, deadline_s: int) -> str:
    """The lease is judged for each block as it is written: now() would be fixed at the start."""
    names = ", ".join(f"`{name}`" for name in mapping.types)
    typed = ", ".join(f"`{name}` {kind}" for name, kind in mapping.types.items())
    structure = typed.replace("\\", "\\\\").replace("'", "\\'")
    return (
        f"INSERT INTO {table} ({names}) SELECT * FROM input('{structure}') "  # noqa: S608 - names and types come from our schemas
        f"WHERE throwIf(nowInBlock() > toDateTime({deadline_s}), 'lease expired') = 0 "
        "FORMAT ArrowStream"
    )


def _stream(rows: pa.RecordBatch) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_batch(rows)
    return sink.getvalue()
