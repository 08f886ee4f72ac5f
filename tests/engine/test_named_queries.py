"""Named queries on a fleet whose answers are known."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from consumers.clickhouse.client import ClickHouseError, UnreachableError, native
from consumers.clickhouse.server import Server
from infra.clickhouse import migrate
from infra.clickhouse.queries import answer, named, run, stored
from infra.settings import ClickHouseSettings
from infra.stack.ports import free_port
from schemas.topics import TOPICS
from tests.fleet_story import DIGESTS, GIVEN, at, store, story

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def fleet(clickhouse: ClickHouseSettings) -> Iterator[ClickHouseSettings]:
    """A database of this module's own with the story in it; the tests only read."""
    own = clickhouse.model_copy(update={"database": "named_queries"})
    migrate.apply(own)
    server = Server(own)
    for topic, told in story().items():
        store(server, TOPICS[topic], told)
    server.close()
    yield own
    with native(clickhouse, database="default") as client:
        client.execute("DROP DATABASE named_queries SYNC")


def given(name: str) -> dict[str, str]:
    """The values of `GIVEN` that a query takes."""
    values = {**GIVEN, "line": ""} if name == "label_cost" else GIVEN
    if name in {"disengagement_rate", "disengagements_by_release", "edge_case_yield"}:
        values = {**GIVEN, "release": ""}
    return {key: values[key] for param in named(name).params if (key := param.name) in values}


def iso(minute: float) -> str:
    """A minute of the story as queries tell it."""
    return datetime.fromtimestamp(at(minute) / 1e6, UTC).isoformat()


@pytest.mark.parametrize("name", sorted(stored().keys() - {"missing"}))
def test_every_query_answers(fleet: ClickHouseSettings, name: str) -> None:
    assert run(fleet, name, given(name))


def test_b_is_slower_than_a_on_hw3_since_its_third_minute(fleet: ClickHouseSettings) -> None:
    (row,) = run(fleet, "latency_compare", given("latency_compare"))
    assert row["slower"]
    assert row["slower_since"] == iso(2)
    assert (row["late_share_a"], row["late_share_b"]) == (0.0, 0.25)
    assert row["mean_b_ms"] == pytest.approx(1.5 * row["mean_a_ms"], abs=0.001)
    assert row["z"] > 3
    (back,) = run(fleet, "latency_compare", {"a": "release-3", "b": "release-2"})
    assert (back["slower"], back["slower_since"]) == (0, None)
    assert run(fleet, "latency_compare", {"a": "release-3", "b": "nosuch"}) == []


def test_devices_below_are_those_that_run_an_older_or_an_unknown_model(
    fleet: ClickHouseSettings,
) -> None:
    rows = {row["device_id"]: row for row in run(fleet, "devices_below", {})}
    assert rows.keys() == {"d2", "d4"}
    assert (rows["d2"]["release_runs"], rows["d2"]["release_meant"]) == ("release-1", "release-2")
    assert rows["d2"]["releases_behind"] == 1
    assert (rows["d4"]["release_runs"], rows["d4"]["releases_behind"]) == ("", None)


KNOWN: list[tuple[str, dict[str, str], list[dict[str, Any]]]] = [
    (
        "edge_case_yield",
        {},
        [
            {"trigger": "MARGIN", "cases": 2, "cases_per_mb": 2.0, "labelled_per_mb": 1.0},
            {"trigger": "FLIP", "cases": 1, "cases_per_mb": 0.5, "labelled_per_mb": 0.0},
        ],
    ),
    (
        "dataset_from_device",
        {"dataset": "signs-2", "device": "d1"},
        [
            {"encounter_id": "d1/1", "label": "stop", "used": 1, "since_dataset": "signs-2"},
            {"encounter_id": "d1/2", "label": "", "used": 0, "trigger": "MARGIN"},
        ],
    ),
    ("dataset_from_device", {"dataset": "signs-1", "device": "d1"}, []),
    ("dataset_from_device", {"dataset": "signs-2", "device": "d2"}, []),
    (
        "loop_time",
        {"line": "signs"},
        [
            {"dataset_id": "signs-1", "encounters": 0, "to_asked_s": None},
            {
                "dataset_id": "signs-2",
                "release_id": "release-2",
                "encounters": 2,
                "to_asked_s": 60.0,
                "to_answered_s": 60.0,
                "to_dataset_s": 60.0,
                "to_release_s": 120.0,
                "to_first_wave_s": 60.0,
                "to_completed_s": 600.0,
            },
        ],
    ),
    (
        "oncall_hour",
        {"begin": GIVEN["begin"]},
        [
            {"evaluated_at": iso(3), "state": "FIRING", "delay_s": 60.0},
            {"evaluated_at": iso(5), "state": "RESOLVED", "delay_s": 180.0},
        ],
    ),
    ("oncall_hour", {"begin": GIVEN["begin"], "severity": "TICKET"}, []),
    ("missing", {}, []),
    (
        "label_coverage",
        {},
        [{"hardware": "HW3", "light": "NIGHT", "encounters": 3, "asked": 2, "labelled": 1}],
    ),
    (
        "label_cost",
        {},
        [{"questions": 2, "answered": 2, "skipped": 1, "classes": 1, "seconds_spent": 6.0}],
    ),
    (
        "rollout_funnel",
        {"release": "release-3"},
        [{"offered": 3, "accepted": 2, "committed": 3, "failed": 0, "rolled_back": 1}],
    ),
    (
        "failure_rate",
        {"days": "20000"},
        [
            {"hardware": "", "accepted": 3, "failed": 0, "unfinished": 0, "failure_rate": 0.0},
            {"hardware": "HW3", "accepted": 3, "failed": 0, "unfinished": 0},
        ],
    ),
    (
        "disengagement_rate",
        {"release": "release-2"},
        [
            {"region": "alps", "events": 0, "km": 1.0, "per_1000_km": 0.0},
            {"region": "city", "events": 2, "km": 1.0, "per_1000_km": 2000.0},
        ],
    ),
    (
        "disengagements_by_release",
        {},
        [{"release": "release-2", "events": 2, "km": 2.0, "per_1000_km": 1000.0}],
    ),
    (
        "energy_by_release",
        {"release": "release-2"},
        [{"results": 400, "told_share": 0.75, "joules": 37.5, "j_per_1000_results": 125.0}],
    ),
    ("alert_noise", {}, [{"episodes": 1, "open": 0, "under_5_min": 1, "median_min": 2.0}]),
    ("alert_history", {}, [{"last_state": "RESOLVED", "delay_s": 60.0, "resolved": iso(5)}]),
    (
        "latency_timeline",
        {"release": "release-3", "hardware": "HW3"},
        [{"minute": iso(n), "judged": 100, "late": late} for n, late in enumerate((0, 0, 50, 50))],
    ),
    (
        "latency_by_region",
        {"release": "release-2"},
        [
            {"region": "alps", "scale": 3, "results": 200, "late_share": 0.0},
            {"region": "city", "scale": 4, "results": 200, "late_share": 0.0},
        ],
    ),
    (
        "update_failures",
        {"release": "release-3"},
        [
            {"state": "INSTALL_FAILED", "reason_code": "DIGEST_MISMATCH", "devices": 1},
            {"state": "REVERTED", "reason_code": "ROLLBACK_ORDERED", "devices": 1},
        ],
    ),
]


@pytest.mark.parametrize(("name", "params", "expected"), KNOWN)
def test_known_answers(
    fleet: ClickHouseSettings, name: str, params: dict[str, str], expected: list[dict[str, Any]]
) -> None:
    rows = run(fleet, name, params)
    kept = [{key: row[key] for key in wanted} for row, wanted in zip(rows, expected, strict=False)]
    assert (len(rows), kept) == (len(expected), expected)


def test_latency_names_the_release_that_misses_its_deadline(fleet: ClickHouseSettings) -> None:
    rows = {row["release_id"]: row for row in run(fleet, "release_latency", {"hours": "2"})}
    assert rows.keys() == {"release-2", "release-3"}
    assert (rows["release-3"]["windows"], rows["release-3"]["judged"]) == (4, 400)
    assert (rows["release-3"]["late_share"], rows["release-2"]["late_share"]) == (0.25, 0.0)
    assert rows["release-2"]["p99_ms"] < 50 < rows["release-3"]["p95_ms"]


def test_devices_count_once_by_their_newest_record(fleet: ClickHouseSettings) -> None:
    rows = {row["model_digest"]: row["devices"] for row in run(fleet, "devices_by_digest", {})}
    assert rows == {DIGESTS["release-1"]: 2, DIGESTS["release-2"]: 1, "d" * 64: 1}


def test_text_in_a_parameter_stays_text(fleet: ClickHouseSettings) -> None:
    assert run(fleet, "release_latency", {"release": "' OR 1=1 --", "hours": "90000"}) == []


def test_columns_have_names_also_without_rows(fleet: ClickHouseSettings) -> None:
    nothing = answer(fleet, "missing", {})
    assert nothing.columns[:3] == ("topic", "topic_id", "partition")
    assert nothing.rows == ()


def test_errors_name_the_address_or_the_statement(clickhouse: ClickHouseSettings) -> None:
    port = free_port()
    nobody = clickhouse.model_copy(update={"tcp_port": port})
    with pytest.raises(UnreachableError, match=f":{port} does not answer"):
        run(nobody, "completeness", {})
    with native(clickhouse) as client, pytest.raises(ClickHouseError, match="nosuch") as refused:
        client.execute("SELECT 1 FROM nosuch")
    assert refused.value.code == 60
