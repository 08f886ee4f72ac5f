"""`fleetloop schemas`: what it prints and how it ends."""

import json

import pytest

from infra.cli import schemas as command
from infra.cli.output import Exit
from infra.stack.registry_face import RegistryFace
from schemas.compat import Finding
from schemas.registry import FileRegistry
from schemas.resolution import Broken, Incompatibility
from schemas.topics import TOPICS
from tests.command_line import fleetloop


def test_check_lists_every_topic_and_ends_well() -> None:
    result = fleetloop("schemas", "check", "-o", "json")
    rows = json.loads(result.stdout)
    assert result.exit_code == Exit.OK
    assert [row["topic"] for row in rows] == list(TOPICS)
    assert all(row["versions"] >= 1 and row["problems"] == "" for row in rows)


def test_check_names_what_is_incompatible(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = Incompatibility(path="late", rule=Broken.TYPE, found="long read as int")
    finding = Finding(topic="ota-acks", reader_version=2, writer_version=1, problem=problem)
    monkeypatch.setattr(command, "check_stored", lambda: [finding])
    result = fleetloop("schemas", "check", "-o", "json")
    assert result.exit_code == Exit.CONDITION_NOT_MET
    row = next(row for row in json.loads(result.stdout) if row["topic"] == "ota-acks")
    assert row["problems"].startswith("version 2 reads 1: late: long read as int")
    assert "1 incompatibilities" in result.stderr


def test_register_needs_a_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLEETLOOP_REGISTRY_URL", raising=False)
    result = fleetloop("schemas", "register")
    assert result.exit_code == Exit.USAGE
    assert "--url" in result.stderr


def test_register_says_that_a_registry_refuses() -> None:
    face = RegistryFace(FileRegistry())
    url = face.start()
    result = fleetloop("schemas", "register", "--url", url)
    face.stop()
    assert result.exit_code == Exit.ERROR
    assert "PUT /config/devices-value" in result.stderr


def test_register_says_that_nothing_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("schemas.http_registry.ATTEMPTS", 1)
    face = RegistryFace(FileRegistry())
    url = face.start()
    face.stop()
    result = fleetloop("schemas", "register", "--url", url)
    assert result.exit_code == Exit.UNREACHABLE
    assert "check registry_url" in result.stderr
