"""A run on real Kafka whose gate was killed: traces from Kafka and ClickHouse replay it."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.cli.output import Exit
from infra.kafka.ranges import RangeReader
from infra.keys import load_keyring
from infra.settings import ClickHouseSettings, KafkaSettings
from schemas.decisions import ReleaseBook
from schemas.records import ModelRelease, ReleaseKind
from schemas.topics import MODEL_RELEASES, ROLLOUT_PARTIALS
from tests.command_line import fleetloop
from tests.crash.gate_story import POLICY, play
from tests.sinks import CODEC, counted_until, prepare, running, settings_for

pytestmark = [pytest.mark.engine, pytest.mark.kafka, pytest.mark.crash]
SUBJECT = "r1"


@pytest.mark.timeout(300)
def test_traces_of_a_killed_gate_replay_its_decisions(
    fresh_kafka: KafkaSettings,
    database: ClickHouseSettings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = tmp_path / "site"
    site.mkdir()
    played = play(fresh_kafka, site, [("after ROLLBACK_ORDERED", 1)])
    assert played.broken == []
    _store(fresh_kafka, database)
    for name, value in {
        "KAFKA__BOOTSTRAP": fresh_kafka.bootstrap,
        "KEYS_DIR": str(site / "keys"),
        "CLICKHOUSE__HOST": database.host,
        "CLICKHOUSE__TCP_PORT": str(database.tcp_port),
        "CLICKHOUSE__HTTP_PORT": str(database.http_port),
        "CLICKHOUSE__DATABASE": database.database,
    }.items():
        monkeypatch.setenv(f"FLEETLOOP_{name}", value)
    ran = _decisions(fresh_kafka, site / "keys")
    assert {one["kind"] for one in ran} >= {ReleaseKind.ROLLBACK_DONE, ReleaseKind.COMPLETED}

    cut = {origin: _cut(origin, tmp_path) for origin in ("log", "clickhouse")}
    for trace in cut.values():
        replayed = fleetloop(
            *("rollout", "replay", str(trace), "--policy", str(site / "policy.yaml")),
            *("-o", "json"),
        )
        assert replayed.exit_code == Exit.OK, replayed.stderr
        told = json.loads(replayed.stdout)
        assert told["differs"] == []
        assert [{name: one[name] for name in ran[0]} for one in told["decisions"]] == ran
    assert cut["log"].read_text() == cut["clickhouse"].read_text()

    missing = fleetloop("rollout", "trace", "--release", "r99")
    assert missing.exit_code == Exit.CONDITION_NOT_MET
    assert "no proposal of r99; releases there: old-1, r0, r1" in missing.stderr
    (site / "policy.yaml").write_text(POLICY.replace("ceiling: 0.2", "ceiling: 0.49"))
    other = fleetloop("rollout", "replay", str(cut["log"]), "--policy", str(site / "policy.yaml"))
    assert other.exit_code == Exit.CONDITION_NOT_MET
    assert "the run decides VERIFIED in all" in other.stderr, "its digest is another"


def _store(kafka: KafkaSettings, database: ClickHouseSettings) -> None:
    """Let the sink store all there is."""
    prepare(kafka, database)
    topics = [MODEL_RELEASES.name, ROLLOUT_PARTIALS.name, "ota-acks", "rollout-commands"]
    wanted = dict.fromkeys(topics, 0)
    for span in RangeReader(kafka).held(topics):
        wanted[span.topic] += span.last_offset + 1 - span.first_offset
    with running(settings_for(kafka, database, "traces", max_rows=50_000)):
        stored = counted_until(
            database, lambda counts: all(counts[name].rows >= n for name, n in wanted.items())
        )
    assert {name: stored[name].rows for name in topics} == wanted


def _decisions(kafka: KafkaSettings, keys: Path) -> list[dict[str, Any]]:
    """What the gate decided about the subject and counts, as `replay` shows it."""
    reader, book = RangeReader(kafka), ReleaseBook(load_keyring(keys))
    found = []
    for raw in reader.read(reader.held([MODEL_RELEASES.name])):
        record: ModelRelease = CODEC.decode(raw.topic, raw.value or b"")
        valid = book.observe(record, offset=raw.offset, stamp_us=raw.stamp_us).valid
        if valid and record.release_id == SUBJECT and record.evidence is not None:
            found.append(
                {
                    "decision_id": record.decision_id,
                    "kind": record.kind.value,
                    "stratum": record.stratum,
                    "at": raw.stamp_us,
                    "wave": record.wave,
                    "evidence": json.loads(json.dumps(_plain(record.evidence))),
                }
            )
    return found


def _plain(evidence: Any) -> dict[str, Any]:
    return {name: getattr(evidence, name) for name in evidence.__dataclass_fields__}


def _cut(origin: str, folder: Path) -> Path:
    result = fleetloop("rollout", "trace", "--release", SUBJECT, "--from", origin)
    assert result.exit_code == Exit.OK, result.stderr
    assert f"records from {origin}" in result.stderr
    path = folder / f"{origin}.jsonl"
    path.write_text(result.stdout)
    return path
