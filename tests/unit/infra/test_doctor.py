"""The doctor names what is missing and what that costs."""

from pathlib import Path

import pytest

from infra import doctor
from infra.doctor import Verdict
from infra.settings import ClickHouseSettings, KafkaSettings, Settings
from infra.stack.kafka_broker import POM
from infra.stack.maven import cached
from infra.stack.ports import LOOPBACK, free_port

GIB = 1024**3


@pytest.mark.parametrize(
    ("finding", "verdict", "found", "cost"),
    [
        (doctor.python((3, 11, 2)), Verdict.OK, "3.11.2", ""),
        (doctor.python((3, 10, 9)), Verdict.MISSING, "3.10.9", "install Python 3.11"),
        (doctor.java('openjdk version "17.0.15" 2025'), Verdict.OK, "17.0.15", ""),
        (doctor.java('java version "1.8.0_402"'), Verdict.MISSING, "1.8.0", "17 or newer"),
        (doctor.java(None), Verdict.MISSING, "not on the PATH", "no real Kafka"),
        (doctor.java("what?"), Verdict.MISSING, "what?", "no real Kafka"),
        (
            doctor.maven("\x1b[1mApache Maven 3.8.7\x1b[m\nhome"),
            Verdict.OK,
            "Apache Maven 3.8.7",
            "",
        ),
        (doctor.maven(None), Verdict.MISSING, "not on the PATH", "in the cache already"),
        (doctor.docker("28.2.2"), Verdict.OK, "28.2.2", ""),
        (doctor.docker(None), Verdict.MISSING, "no engine answers", "not on containers"),
        (doctor.docker("Cannot connect"), Verdict.MISSING, "no engine answers", "containers"),
        (doctor.disk(Path("/x"), 3 * GIB), Verdict.OK, "3.0 GiB free at /x", ""),
        (doctor.disk(Path("/x"), GIB), Verdict.MISSING, "1.0 GiB", "2 GiB are enough"),
        (doctor.memory(3 * GIB), Verdict.OK, "3.0 GiB", ""),
        (doctor.memory(GIB), Verdict.MISSING, "1.0 GiB", "1.5 GB"),
        (doctor.wheel("pytest", "tests"), Verdict.OK, ".", ""),
        (doctor.wheel("no-such", "the broker"), Verdict.MISSING, "not installed", "no the broker"),
    ],
)
def test_each_thing_is_judged(
    finding: doctor.Finding, verdict: Verdict, found: str, cost: str
) -> None:
    assert finding.verdict is verdict
    assert found in finding.found
    assert cost in finding.cost
    assert bool(finding.cost) == (verdict is not Verdict.OK)


def test_artifacts_are_found_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    absent = doctor.artifacts("kafka", POM, "54 MB")
    assert absent.verdict is Verdict.MISSING
    assert "fetches 54 MB" in absent.cost
    cached(absent.name.replace(" ", "-"), POM).mkdir(parents=True)
    assert doctor.artifacts("kafka", POM, "54 MB").verdict is Verdict.OK


def test_an_engine_that_does_not_answer_is_named_with_what_to_check(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("infra.stack.health._REACH_S", 0.3)
    dead = free_port()
    settings = Settings(
        kafka=KafkaSettings(bootstrap=f"{LOOPBACK}:{dead}"),
        clickhouse=ClickHouseSettings(tcp_port=dead, http_port=dead),
        registry_url=f"http://{LOOPBACK}:{dead}",
    )
    broker, clickhouse, registry = doctor.reach(settings)
    assert {broker.verdict, clickhouse.verdict, registry.verdict} == {Verdict.UNREACHABLE}
    assert f"no answer from {LOOPBACK}:{dead} (PLAINTEXT)" in broker.cost
    assert f"ClickHouse at http://{LOOPBACK}:{dead}/" in clickhouse.cost
    assert f"GET http://{LOOPBACK}:{dead}/subjects" in registry.cost


def test_a_missing_password_file_is_named(tmp_path: Path) -> None:
    settings = Settings(
        kafka=KafkaSettings(
            security_protocol="SASL_SSL",
            sasl_mechanism="SCRAM-SHA-512",
            sasl_username="sink",
            sasl_password_file=tmp_path / "absent",
        ),
        clickhouse=ClickHouseSettings(password_file=tmp_path / "gone"),
    )
    broker, clickhouse, _ = doctor.reach(settings)
    assert f"secret file {tmp_path / 'absent'}: No such file" in broker.cost
    assert f"secret file {tmp_path / 'gone'}: No such file" in clickhouse.cost


def test_examining_changes_nothing(tmp_path: Path) -> None:
    findings = doctor.examine(tmp_path / "not" / "there")
    assert not (tmp_path / "not").exists()
    assert {"python", "chdb", "java", "disk", "memory"} <= {one.name for one in findings}
