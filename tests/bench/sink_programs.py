"""The programs that the sink's benchmark compares, each run as one process of its own.

Usage: python -m tests.bench.sink_programs NAME RECORDS. They read the same topic into the
ClickHouse that the environment names, and print their rate, own CPU time a row and peak memory.

* `sink`: ours, as it runs in production: ledger, tokens, leases, validation, provenance.
* `dicts`: the usual path. One message at a time decoded by fastavro into a dict, rows sent by
  clickhouse-driver, offsets committed afterwards.
* `containers`: bodies joined into one Avro container without looking into them, posted over HTTP;
  no offsets, no validation, no guarantee.
"""

import io
import json
import os
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

import fastavro
import httpx
from clickhouse_driver import Client
from confluent_kafka import Consumer

from consumers.clickhouse.intake import Intake
from consumers.clickhouse.layout import Column, columns
from consumers.clickhouse.metrics import METRICS
from consumers.clickhouse.sink import assembled
from infra.lean import without
from infra.settings import Settings
from schemas.framing import HEADER_BYTES
from schemas.registry import FileRegistry
from schemas.topics import INFERENCE_EVENTS

BATCH: Final = 20_000
SYNC: Final = b"fleetloop-bench!"  # 16 bytes that part the blocks of a container
CONTAINER_TABLE: Final = "inference_containers"


class Clock:
    """Time and own CPU from the first message to the last row."""

    def __init__(self) -> None:
        self._begun: tuple[float, float] | None = None

    def begin(self) -> None:
        """The first message is here; later calls do nothing."""
        if self._begun is None:
            self._begun = time.perf_counter(), time.process_time()

    def tell(self, records: int) -> None:
        """Print what was measured."""
        if self._begun is None:
            raise RuntimeError("no message came")
        seconds = time.perf_counter() - self._begun[0]
        cpu = time.process_time() - self._begun[1]
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        figures = {
            "rate": records / seconds,
            "cpu_us": cpu / records * 1e6,
            "peak_mb": peak * 1024 / 1e6,
        }
        sys.stdout.write(json.dumps(figures) + "\n")


def sink(records: int, clock: Clock) -> None:
    """Our sink until it has stored `records` rows."""
    stopping = threading.Event()
    taken = Intake.batch

    def batch(self: Intake, *args: Any) -> None:
        clock.begin()
        taken(self, *args)

    Intake.batch = batch  # type: ignore[method-assign,assignment] # to see the first message
    with assembled(Settings(), stopping) as loop:
        rows = METRICS.rows.labels(INFERENCE_EVENTS.name)

        def watch() -> None:
            while rows._value.get() < records:
                time.sleep(0.01)
            clock.tell(records)
            stopping.set()
            loop.stop()

        threading.Thread(target=watch, daemon=True).start()
        loop.run()


def dicts(records: int, clock: Clock) -> None:
    """Row dicts through the driver."""
    schema = _schema()
    parsed = fastavro.parse_schema(json.loads(schema))
    found = columns(schema)
    names = ", ".join(f"`{column.name}`" for column in found)
    settings = Settings().clickhouse
    client = Client(settings.host, port=settings.tcp_port, database=settings.database)
    insert = f"INSERT INTO inference_events ({names}, _topic_id, _partition, _offset, _ingested_at) VALUES"  # noqa: E501 - our own names
    for messages, commit in _batches(records, clock):
        rows = []
        for message in messages:
            record = fastavro.schemaless_reader(
                io.BytesIO(message.value()[HEADER_BYTES:]), parsed, None
            )
            row = {column.name: _at(record, column) for column in found}
            stamp = datetime.fromtimestamp(message.timestamp()[1] / 1_000, UTC)
            rows.append(
                row
                | {
                    "_topic_id": "",
                    "_partition": message.partition(),
                    "_offset": message.offset(),
                    "_ingested_at": stamp,
                }
            )
        client.execute(insert, rows)
        commit()
    clock.tell(records)


def containers(records: int, clock: Clock) -> None:
    """Bodies as they are, in Avro containers."""
    settings = Settings().clickhouse
    head = container_head(_schema())
    with httpx.Client(
        base_url=f"http://{settings.host}:{settings.http_port}", timeout=60, trust_env=False
    ) as client:
        for messages, commit in _batches(records, clock):
            bodies = [message.value()[HEADER_BYTES:] for message in messages]
            answer = client.post(
                "/",
                params={
                    "query": f"INSERT INTO {CONTAINER_TABLE} FORMAT Avro",
                    "database": settings.database,
                    "async_insert": "0",
                },
                content=head + block(bodies),
            )
            answer.raise_for_status()
            commit()
    clock.tell(records)


def container_head(schema: str) -> bytes:
    """Header of an Avro container without compression."""
    meta = {b"avro.schema": schema.encode(), b"avro.codec": b"null"}
    pairs = b"".join(_bytes(name) + _bytes(value) for name, value in meta.items())
    return b"Obj\x01" + _long(len(meta)) + pairs + _long(0) + SYNC


def block(bodies: list[bytes]) -> bytes:
    """One block of a container."""
    joined = b"".join(bodies)
    return _long(len(bodies)) + _long(len(joined)) + joined + SYNC


def _bytes(value: bytes) -> bytes:
    return _long(len(value)) + value


def _long(number: int) -> bytes:
    """Avro's zigzag variable-length integer of a number that is not negative."""
    rest = number << 1
    out = bytearray()
    while rest >= 128:
        out.append(rest & 127 | 128)
        rest >>= 7
    return bytes([*out, rest])


def _at(record: Any, column: Column) -> Any:
    for name in column.path:
        record = None if record is None else record[name]
    if isinstance(record, list):
        return [tuple(each.values()) if isinstance(each, dict) else each for each in record]
    return record


def _schema() -> str:
    registry = FileRegistry()
    return registry.schema(registry.schema_id(INFERENCE_EVENTS.name))


def _batches(records: int, clock: Clock) -> Iterator[tuple[list[Any], Callable[[], object]]]:
    """Batches of messages, and how to commit each."""
    consumer = Consumer(
        {
            **Settings().kafka.client_config(),
            "group.id": f"bench-{sys.argv[1]}-{time.time_ns()}",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 100,
        }
    )
    consumer.subscribe([INFERENCE_EVENTS.name])
    left = records
    try:
        while left > 0:
            messages = [m for m in consumer.consume(min(BATCH, left), 1.0) if m.error() is None]
            if messages:
                clock.begin()
                left -= len(messages)
                yield messages, lambda: consumer.commit(asynchronous=False)
    finally:
        consumer.close()


PROGRAMS: Final = {"sink": sink, "dicts": dicts, "containers": containers}

if __name__ == "__main__":
    without("pandas")  # as the command line does before it starts a worker
    PROGRAMS[sys.argv[1]](int(sys.argv[2]), Clock())
    sys.stdout.flush()
    os._exit(0)  # what is measured is told; threads of clients need no farewell
