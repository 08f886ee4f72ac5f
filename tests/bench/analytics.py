"""`make bench NAME=analytics`: bytes on disk by table, and named queries over twenty million rows.

Sizes are of records as the simulator's devices told them, merged to one part. The questions run on
copies of those windows (`analytics_fleet.py`); each is asked of its rollup by the named query and
of the raw table by the query beside it here, and both must give the same answer.
"""

import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from consumers.clickhouse.client import native
from consumers.clickhouse.layout import table_name
from infra.clickhouse.queries import named
from infra.settings import ClickHouseSettings
from infra.stack.clickhouse import ClickHouseServer
from infra.stack.supervisor import Supervisor
from schemas.topics import INFERENCE_EVENTS
from tests.bench import analytics_fleet
from tests.bench.figures import figure, tell

ROWS: Final = int(os.environ.get("BENCH_ROWS", "20000000"))
SIMULATED: Final = int(os.environ.get("BENCH_SIMULATED", "12000"))
ROUNDS: Final = 3
LONG_S: Final = 5.0
"""What takes longer is asked once: caches and neighbours no longer decide."""
HOURS: Final = "9000"
SIZE_GOAL: Final = 0.4
ROWS_GOAL: Final = 100.0
SPEED_GOAL: Final = 20.0


@dataclass(frozen=True, slots=True)
class Question:
    """A named query, and the same asked of the raw table.

    Attributes:
        name: Named query.
        params: Its parameters.
        columns: Columns of its answer that the raw query gives too, in that order.
    """

    name: str
    params: Mapping[str, str]
    columns: tuple[str, ...]
    raw: str


QUESTIONS: Final = (
    Question(
        "release_latency",
        {"hours": HOURS},
        ("release_id", "hardware", "judged", "late_share", "mean_ms"),
        """
        SELECT ifNull(release_id, '') AS release, hardware, sum(produced) - sum(warmup) AS judged,
            round(sum(late) / judged, 5), round(sum(latency_sum_us) / judged / 1000, 3),
            sumMap(arrayMap(i -> latency_offset + i, arrayEnumerate(latency_counts)),
                latency_counts)
        FROM inference_events GROUP BY release, hardware ORDER BY release, hardware""",
    ),
    Question(
        "latency_timeline",
        {"hours": HOURS, "release": "release-1", "hardware": "HW3"},
        ("judged", "late", "max_ms"),
        """
        SELECT sum(produced) - sum(warmup), sum(late), max(latency_max_us) / 1000
        FROM inference_events
        WHERE release_id = 'release-1' AND hardware = 'HW3'
        GROUP BY toStartOfMinute(window_end) AS minute ORDER BY minute""",
    ),
    Question(
        "latency_compare",
        {"hours": HOURS, "a": "release-2", "b": "release-1", "hardware": "HW3"},
        ("mean_a_ms", "mean_b_ms"),
        """
        SELECT round(sumIf(s, r = 'release-2') / sumIf(n, r = 'release-2') / 1000, 3),
            round(sumIf(s, r = 'release-1') / sumIf(n, r = 'release-1') / 1000, 3)
        FROM (
            SELECT release_id AS r, toStartOfMinute(window_end) AS minute, sum(latency_sum_us) AS s,
                sum(produced) - sum(warmup) AS n
            FROM inference_events WHERE release_id IN ('release-1', 'release-2')
                AND hardware = 'HW3' GROUP BY r, minute
        )""",
    ),
    Question(
        "energy_by_release",
        {"hours": HOURS},
        ("release", "hardware", "results"),
        """
        SELECT ifNull(release_id, '') AS release, hardware, sum(produced), sum(energy_j)
        FROM inference_events GROUP BY release, hardware ORDER BY release, hardware""",
    ),
    Question(
        "disengagement_rate",
        {"hours": HOURS},
        ("release", "hardware", "region", "km"),
        """
        SELECT ifNull(release_id, '') AS release, hardware, region,
            round(sum(round(distance_m * 1000)) / 1e6, 3)
        FROM inference_events GROUP BY release, hardware, region
        ORDER BY release, hardware, region""",
    ),
    Question(
        "completeness",
        {"hours": HOURS},
        ("partitions", "rows", "missing"),
        """
        SELECT count(), sum(n), sum(last - first + 1 - n) FROM (
            SELECT _topic_id, _partition, count() AS n, min(_offset) AS first, max(_offset) AS last
            FROM inference_events GROUP BY _topic_id, _partition
        ) SETTINGS optimize_use_projections = 0""",
    ),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question cost, at its best."""

    seconds: float
    rows: int
    answer: list[dict[str, Any]]


def ask(http: httpx.Client, sql: str, params: Mapping[str, str]) -> Asked:
    """Ask several times and keep the quickest; rows read are the server's own count."""
    named_params = {f"param_{name}": value for name, value in params.items()}
    best: Asked | None = None
    for _ in range(ROUNDS):
        began = time.perf_counter()
        answer = http.post(
            "/",
            params={**named_params, "wait_end_of_query": "1", "default_format": "JSON"},
            content=sql,
        )
        seconds = time.perf_counter() - began
        answer.raise_for_status()
        told = answer.json()
        if best is None or seconds < best.seconds:
            best = Asked(seconds, int(told["statistics"]["rows_read"]), told["data"])
        if seconds > LONG_S:
            break
    assert best is not None
    return best


def compare(http: httpx.Client, question: Question) -> tuple[Asked, Asked]:
    """The named query and its raw twin.

    Raises:
        ValueError: They do not give the same answer.
    """
    query = named(question.name)
    rolled = ask(http, query.sql, query.bind(question.params))
    raw = ask(http, question.raw, {})
    found = [tuple(float_or_text(row[c]) for c in question.columns) for row in rolled.answer]
    expected = [
        tuple(float_or_text(value) for value in list(row.values())[: len(question.columns)])
        for row in raw.answer
    ]
    if found != expected:
        raise ValueError(f"{question.name}: {found[:3]} by rollup, {expected[:3]} by the table")
    return rolled, raw


def float_or_text(value: Any) -> float | str:
    """Numbers as numbers, whatever JSON writes them as."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return str(value)


def sizes(
    clickhouse: ClickHouseSettings, avro_bytes: Mapping[str, float]
) -> dict[str, dict[str, Any]]:
    """Bytes of a row on disk by table, and their share of the Avro bytes."""
    found = {}
    with native(clickhouse) as client:
        for topic, avro in sorted(avro_bytes.items()):
            ((disk, rows),) = client.execute(
                "SELECT sum(bytes_on_disk), sum(rows) FROM system.parts WHERE active "
                "AND database = {database:String} AND table = {table:String}",
                {"database": clickhouse.database, "table": table_name(topic)},
            )
            goal = SIZE_GOAL if topic == INFERENCE_EVENTS.name else None
            name = table_name(topic)
            found[f"{name}_avro_bytes"] = figure(avro, "bytes a record", None)
            found[f"{name}_disk_bytes"] = figure(disk / rows, "bytes a row", None)
            found[f"{name}_disk_share"] = figure(disk / rows / avro, "of Avro", goal, at_most=True)
    return found


def speeds(clickhouse: ClickHouseSettings) -> dict[str, dict[str, Any]]:
    """Rows read and time taken, raw over rollup, by question."""
    found = {}
    base = f"http://{clickhouse.host}:{clickhouse.http_port}"
    headers = {"X-ClickHouse-Database": clickhouse.database}
    with httpx.Client(base_url=base, headers=headers, timeout=300, trust_env=False) as http:
        for question in QUESTIONS:
            rolled, raw = compare(http, question)
            name = question.name
            found[f"{name}_ms"] = figure(rolled.seconds * 1000, "ms", None)
            found[f"{name}_raw_ms"] = figure(raw.seconds * 1000, "ms", None)
            found[f"{name}_rows_read"] = figure(rolled.rows, "rows", None)
            fewer = raw.rows / max(rolled.rows, 1)
            found[f"{name}_fewer_rows"] = figure(fewer, "times", ROWS_GOAL)
            found[f"{name}_faster"] = figure(raw.seconds / rolled.seconds, "times", SPEED_GOAL)
    return found


def figures() -> dict[str, dict[str, Any]]:
    """All figures, on an engine of their own, which is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder, Supervisor(Path(folder) / "logs") as supervisor:
        server = ClickHouseServer(supervisor, Path(folder) / "clickhouse", database="simulated")
        server.start()
        told = analytics_fleet.drive(SIMULATED)
        analytics_fleet.store(server.settings, told)
        found = sizes(server.settings, told.avro_bytes)
        copies = server.settings.model_copy(update={"database": "copies"})
        began = time.perf_counter()
        rows = analytics_fleet.multiply(
            copies, "simulated", ROWS, at_once=ROWS // SIMULATED // 20 + 1
        )
        found["rows"] = figure(rows, "rows", None)
        found["rows_stored"] = figure(rows / (time.perf_counter() - began), "rows/s", None)
        with native(copies) as client:
            client.execute("OPTIMIZE TABLE latency_minutes FINAL")
        return found | speeds(copies)


def main() -> None:
    """Measure and tell."""
    tell("analytics", figures())


if __name__ == "__main__":
    main()
