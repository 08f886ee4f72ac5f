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
        sum(arraySum(mapValues(counts))), sum(distance_mm), sum(energy_mj),
        sum(energy_results) FROM latency_minutes GROUP BY ALL ORDER BY ALL
        """,
        """
        SELECT ifNull(release_id, ''), hardware, region,
        toStartOfMinute(toDateTime(window_end)), count(), sum(expected), sum(produced),
        sum(late), sum(latency_sum_us), max(latency_max_us),
        sum(arraySum(latency_counts)), sum(toInt64(1000 * ifNull(distance_m, 0))),
        sum(toInt64(1000 * ifNull(energy_j, 0))), sumIf(produced, energy_j IS NOT NULL)
        FROM inference_events GROUP BY ALL ORDER BY ALL
        """,
    ),
    "disengagement_minutes": (
        """
        SELECT release_id, hardware, region, minute, cause, uniqExactMerge(events) FROM
        disengagement_minutes GROUP BY ALL ORDER BY ALL
        """,
        """
        SELECT ifNull(release_id, ''), hardware, region,
        toStartOfMinute(toDateTime(event_ts)), ifNull(cause, ''), uniqExact(event_id)
        FROM disengagements GROUP BY ALL ORDER BY ALL
        """,
    ),
    "table_minutes": (
        """
        SELECT topic, topic_id, partition, sum(rows), min(first_offset),
        max(last_offset) FROM table_minutes WHERE topic = 'inference-events' AND rows > 0
        GROUP BY ALL ORDER BY ALL
        """,
        """
        SELECT 'inference-events', _topic_id, _partition, count(), min(_offset),
        max(_offset) FROM inference_events WHERE ignore(event_id) = 0 GROUP BY ALL
        ORDER BY ALL
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
    assert {name for name, _ in targets} == PAIRS.keys() - {"table_minutes"}
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
    assert rows.pop(topics.DEAD_LETTERS.name)["missing"] is None
    assert {row["missing"] for row in rows.values()} == {0}
    assert rows[topics.INFERENCE_EVENTS.name]["refused"] == 1


def test_offsets_of_large_tables_are_counted_by_the_part_they_lie_in(
    repeated: ClickHouseSettings,
) -> None:
    with native(repeated) as client:
        plan = client.execute("EXPLAIN SELECT topic, sum(rows) FROM table_minutes GROUP BY topic")
    read = [line for (line,) in plan if "ReadFromMergeTree" in line]
    assert len(read) == len(TOPICS) + 1  # and the letters of the sink
    assert sum("(ingest_minutes)" in line for line in read) == 8


def test_quantile_states_lie_within_a_bucket_of_the_merged_histogram(
    repeated: ClickHouseSettings,
) -> None:
    told = [event for event in windows() if event.release_id == "release-3"]
    merged = histograms.merge(event.latency for event in told)
    with native(repeated) as client:
        ((found,),) = client.execute(
            "SELECT quantilesTDigestWeightedMerge(0.5, 0.95, 0.99)(latency_us) "
            "FROM latency_minutes WHERE release_id = 'release-3'"
        )
    for level, latency_us in zip((0.5, 0.95, 0.99), found, strict=True):
        expected_us = histograms.quantile(merged, level, 50_000)
        assert latency_us == pytest.approx(expected_us, rel=2 ** (2**-merged.scale) - 1), level


def test_an_erased_record_is_accounted_for_and_a_deleted_one_is_missing(
    database: ClickHouseSettings,
) -> None:
    migrate.apply(database)
    server = Server(database)
    store(server, topics.INFERENCE_EVENTS, windows())
    with native(database) as client:
        client.execute("DELETE FROM inference_events WHERE _offset IN (3, 7)")
        (hole,) = run(database, "missing", {})
        assert (hole["topic"], hole["missing"]) == ("inference-events", 1)
        for offset in (3, 7):
            client.execute(
                "INSERT INTO erased (topic, topic_id, partition, offset, erasure_id) "
                "SELECT 'inference-events', {topic_id:String}, 0, {offset:Int64}, 'e'",
                {"topic_id": TOPIC_ID, "offset": offset},
            )
    assert run(database, "missing", {}) == []
    (row,) = run(database, "completeness", {})
    assert (row["rows"], row["erased"], row["offsets"], row["missing"]) == (6, 2, 8, 0)
    server.close()


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
    with native(database) as client:
        client.execute(
            f"SYSTEM STOP MERGES `{database.database}`.alerts"
        )  # it would mend the double
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
