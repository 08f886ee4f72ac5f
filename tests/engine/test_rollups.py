"""Rollups hold what the tables hold, however often an insert is repeated; counted without FINAL."""

from collections.abc import Iterator

import pytest

from consumers.clickhouse.client import native
from consumers.clickhouse.server import Server
from infra.clickhouse import migrate
from infra.clickhouse.queries import run
from infra.settings import ClickHouseSettings
from schemas import histograms, topics
from schemas.topics import TOPICS
from tests.fleet_story import TOPIC_ID, store, story, windows

pytestmark = pytest.mark.engine

# Each rollup, and the same figures from the raw tables.
PAIRS = {
    "latency_minutes": (
        """
        SELECT release_id, hardware, region, minute, sum(windows), sum(expected),
        sum(produced), sum(late), sum(sum_us), max(max_us),
        sum(arraySum(mapValues(counts))) FROM latency_minutes GROUP BY ALL ORDER BY ALL
        """,
        """
        SELECT ifNull(release_id, ''), hardware, region,
        toStartOfMinute(toDateTime(window_end)), count(), sum(expected), sum(produced),
        sum(late), sum(latency_sum_us), max(latency_max_us),
        sum(arraySum(latency_counts)) FROM inference_events GROUP BY ALL ORDER BY ALL
        """,
    ),
    "rollout_devices": (
        """
        SELECT release_id, device_id, attempt, arraySort(groupUniqArrayArray(states)),
        max(ordered_back), min(offered_at) FROM rollout_devices GROUP BY ALL ORDER BY
        ALL
        """,
        """
        SELECT release_id, device_id, attempt,
        arraySort(groupUniqArray(toString(state))), max(reason_code =
        'ROLLBACK_ORDERED'), min(_ingested_at) FROM ota_acks GROUP BY ALL ORDER BY ALL
        """,
    ),
    "devices_now": (
        """
        SELECT hardware, device_id, argMaxMerge(digest), argMaxMerge(lifecycle),
        max(seen_at) FROM devices_now GROUP BY ALL ORDER BY ALL
        """,
        """
        SELECT hardware, device_id, argMax(slot_a_digest, _offset), argMax(lifecycle,
        _offset), max(_ingested_at) FROM devices GROUP BY ALL ORDER BY ALL
        """,
    ),
    "edge_case_days": (
        """
        SELECT `trigger`, uniqExactMerge(cases),
        length(groupUniqArrayMerge(encounters)), uniqExactMerge(devices),
        sum(uplink_bytes) FROM edge_case_days GROUP BY ALL ORDER BY ALL
        """,
        """
        SELECT `trigger`, uniqExact(event_id), uniqExact(encounter_id),
        uniqExact(device_id), sum(uplink_bytes) FROM edge_cases GROUP BY ALL ORDER BY
        ALL
        """,
    ),
    "encounter_answers": (
        """
        SELECT encounter_id, max(asked_at), max(answered_at),
        groupUniqArrayArray(labels), arraySum(a -> a.2, groupUniqArrayMerge(answers))
        FROM encounter_answers GROUP BY ALL ORDER BY ALL
        """,
        """
        SELECT q.encounter_id, max(asked_ts), max(reviewed_ts),
        groupUniqArray(toString(label)), sum(seconds_spent) FROM label_requests AS q
        INNER JOIN label_reviews AS r ON q.encounter_id = r.encounter_id GROUP BY ALL
        ORDER BY ALL
        """,
    ),
    "alert_episodes": (
        """
        SELECT severity, starts_at, fingerprint, argMaxMerge(state), min(detected_at),
        max(resolved_at), max(flap_count) FROM alert_episodes GROUP BY ALL ORDER BY ALL
        """,
        """
        SELECT severity, starts_at, fingerprint, argMax(state, seq), min(detected_at),
        max(resolved_at), max(flap_count) FROM alerts GROUP BY ALL ORDER BY ALL
        """,
    ),
}


@pytest.fixture(scope="module")
def repeated(clickhouse: ClickHouseSettings) -> Iterator[ClickHouseSettings]:
    """The story, each insert sent twice under its token, and no merge to hide a double."""
    own = clickhouse.model_copy(update={"database": "rollups"})
    migrate.apply(own)
    server = Server(own)
    with native(own) as client:
        client.execute("SYSTEM STOP MERGES")
        for topic, told in story().items():
            store(server, TOPICS[topic], told)
            store(server, TOPICS[topic], told)
        yield own
        client.execute("SYSTEM START MERGES")
        client.execute("DROP DATABASE rollups SYNC")
    server.close()


@pytest.mark.parametrize("name", PAIRS)
def test_a_repeated_insert_changes_no_rollup(repeated: ClickHouseSettings, name: str) -> None:
    rolled, raw = PAIRS[name]
    with native(repeated) as client:
        found = client.execute(rolled)
        assert found == client.execute(raw)
    assert found


def test_every_rollup_is_compared_and_remembers_tokens(repeated: ClickHouseSettings) -> None:
    with native(repeated) as client:
        targets = client.execute(
            "SELECT name, create_table_query LIKE '%deduplication_window = %0000%' "
            "FROM system.tables WHERE database = {database:String} "
            "AND engine = 'AggregatingMergeTree'",
            {"database": repeated.database},
        )
    assert {name for name, _ in targets} == {*PAIRS, "stored_minutes"}
    assert all(window for _, window in targets)


def test_without_a_window_a_repeated_insert_would_double(database: ClickHouseSettings) -> None:
    migrate.apply(database)
    server = Server(database)
    with native(database) as client:
        client.execute(
            "ALTER TABLE latency_minutes MODIFY SETTING non_replicated_deduplication_window = 0"
        )
        for _ in range(2):
            store(server, topics.INFERENCE_EVENTS, windows())
        assert client.execute("SELECT sum(windows) FROM latency_minutes") == [(16,)]
        assert client.execute("SELECT count() FROM inference_events") == [(8,)]
    server.close()


def test_every_offset_is_accounted_for_once(repeated: ClickHouseSettings) -> None:
    rows = {row["topic"]: row for row in run(repeated, "completeness", {})}
    assert {topic: row["rows"] for topic, row in rows.items()} == {
        topic: len(told) for topic, told in story().items()
    }
    assert {row["missing"] for row in rows.values()} == {0}
    assert rows[topics.INFERENCE_EVENTS.name]["refused"] == 1


def test_histograms_of_all_scales_merge_as_the_library_merges_them(
    repeated: ClickHouseSettings,
) -> None:
    told = [event for event in windows() if event.release_id == "release-2"]
    assert {event.latency.scale for event in told} == {3, 4, 5, 6}
    merged = histograms.merge(event.latency for event in told)
    with native(repeated) as client:
        rows = client.execute(
            "SELECT scale, counts FROM latency_minutes WHERE release_id = 'release-2'"
        )
    assert {scale for scale, _ in rows} == {3, 4, 5}
    found: dict[int, int] = {}
    for scale, counts in rows:
        for bucket, results in counts.items():
            at_coarsest = bucket >> (scale - merged.scale)
            found[at_coarsest] = found.get(at_coarsest, 0) + results
    expected = {merged.offset + place: n for place, n in enumerate(merged.counts) if n}
    assert {bucket: n for bucket, n in found.items() if n} == expected


def test_a_hole_and_a_double_are_named(database: ClickHouseSettings) -> None:
    migrate.apply(database)
    server = Server(database)
    alerts = story()[topics.ALERTS.name]
    store(server, topics.ALERTS, alerts)
    store(server, topics.ALERTS, alerts, first=5)
    assert [
        (row["from_offset"], row["to_offset"], row["missing"], row["doubled"], row["topic_id"])
        for row in run(database, "missing", {"topic": "alerts"})
    ] == [(0, 6, 3, 0, TOPIC_ID)]
    store(server, topics.ALERTS, alerts, first=2)
    store(server, topics.ALERTS, alerts[:1], first=4)
    assert run(database, "missing", {}) == []
    store(server, topics.ALERTS, alerts, label="another token")
    (row,) = run(database, "missing", {"topic": "alerts"})
    assert (row["missing"], row["doubled"]) == (0, 2)
    server.close()
