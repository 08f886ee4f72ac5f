"""Nezha: one service by the minute; what was injected into it stays with the scorer."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from producers.replay.events import Event, Item, Note, Refused, event_id, in_time_order, source_of
from producers.replay.tables import MALFORMED, Row, need, optional_number, rows
from schemas.moments import micros

NAME: Final = "nezha"
DAY: Final = "2022-08-22"
FRONTEND: Final = f"{DAY}_frontend.csv"
PODS: Final = f"{DAY}_pods.csv.gz"
FAULTS: Final = f"{DAY}_faults.csv"
ENTRY: Final = "entry"
"""Device id of what the entry service's users see; pods go by their own names."""

_OF_ENTRY: Final[Mapping[str, str]] = {
    name: name for name in ("success_pct", "p50_s", "p90_s", "p95_s", "p99_s")
}
_OF_POD: Final[Mapping[str, str]] = {
    "CpuUsage(m)": "cpu_millicores",
    "CpuUsageRate(%)": "cpu_pct",
    "MemoryUsage(Mi)": "memory_mib",
    "MemoryUsageRate(%)": "memory_pct",
    "SyscallRead": "reads",
    "SyscallWrite": "writes",
    "NetworkReceiveBytes": "received_bytes",
    "NetworkTransmitBytes": "sent_bytes",
    "PodClientLatencyP90(s)": "client_p90_s",
    "PodServerLatencyP90(s)": "server_p90_s",
    "PodClientLatencyP95(s)": "client_p95_s",
    "PodServerLatencyP95(s)": "server_p95_s",
    "PodClientLatencyP99(s)": "client_p99_s",
    "PodServerLatencyP99(s)": "server_p99_s",
    "PodWorkload(Ops)": "operations_per_s",
    "NodeCpuUsageRate(%)": "node_cpu_pct",
    "NodeMemoryUsageRate(%)": "node_memory_pct",
    "NodeNetworkReceiveBytes": "node_received_bytes",
}


def read(folder: Path) -> Iterator[Item]:
    """One event a minute of the entry and of each pod, by time.

    Raises:
        ReplayError: A file is missing or not readable.
    """
    need(folder, (FRONTEND, PODS, FAULTS))
    yield from in_time_order(_all(folder))


def _all(folder: Path) -> Iterator[Item]:
    before = 0
    for row in rows(folder, FRONTEND, ("time_utc", *_OF_ENTRY)):
        before += 1
        yield _event(row, ENTRY, "entry_minute", _OF_ENTRY) if isinstance(row, Row) else row
    for row in rows(folder, PODS, ("time_utc", "PodName", *_OF_POD), start=before):
        if isinstance(row, Row):
            yield _event(row, row.cells["PodName"], "pod_minute", _OF_POD)
        else:
            yield row
    kinds = ("inject_time", "inject_pod", "inject_type")
    faults = sum(isinstance(row, Row) for row in rows(folder, FAULTS, kinds))
    yield Note("injected faults, not replayed", faults)


def _event(row: Row, device: str, kind: str, columns: Mapping[str, str]) -> Event | Refused:
    try:
        # Samples lie 19 s past the minute, and are told as they lie.
        at_us = micros(datetime.fromisoformat(row.cells["time_utc"]).replace(tzinfo=UTC))
        values = {name: optional_number(row.cells[column]) for column, name in columns.items()}
    except ValueError as error:
        return row.refused(MALFORMED, str(error))
    body: dict[str, Any] = {
        "event_id": event_id(device, row.number),
        "source": source_of(NAME),
        "device_id": device,
        **values,
    }
    return Event(at_us=at_us, kind=kind, file=row.file, row=row.row, body=body)
