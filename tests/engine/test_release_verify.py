"""`fleetloop releases verify` over a broker: acks, evidence and repositories as files."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.cli import releases
from infra.cli.output import Exit
from infra.kafka.admin import Admin
from infra.kafka.publisher import Publisher
from infra.settings import KafkaSettings
from infra.topics import apply_all
from schemas.codec import Codec
from schemas.registry import FileRegistry
from schemas.topics import OTA_ACKS
from tests import factories
from tests.command_line import fleetloop
from tests.evidence_story import RUNS, Story
from tests.rollout_log import Log
from tests.tuf_site import ME

pytestmark = pytest.mark.engine


@pytest.fixture
def shown(broker: KafkaSettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder with `director`, `images`, `roots` and `evidence`; the acks are on the log."""
    monkeypatch.setenv("FLEETLOOP_KAFKA__BOOTSTRAP", broker.bootstrap)
    monkeypatch.setenv("FLEETLOOP_KAFKA__MEMORY_ONLY", str(broker.memory_only))
    apply_all(Admin(broker))
    log = Log()
    log.opened("r1", 1.0, artifact=factories.artifact(digest=RUNS))
    monkeypatch.setattr(releases, "read_book", lambda _: log.book)
    story = Story(tmp_path / "state")
    with Publisher(broker, Codec(FileRegistry()), "test") as publisher:
        for name in (f"{os.getpid()}-other", ME.ecu):
            for fact in story.acks:
                publisher.publish(OTA_ACKS, replace(fact.record, device_id=name))
        publisher.flush()
    for name, site in (("director", story.world.director), ("images", story.world.images)):
        (tmp_path / name).mkdir()
        for file, data in site.files.items():
            (tmp_path / name / file).write_bytes(data)
    for name, site in (("director", story.world.director), ("image_repo", story.world.images)):
        (tmp_path / "roots" / name).mkdir(parents=True)
        (tmp_path / "roots" / name / "root.json").write_bytes(site.files["1.root.json"])
    (tmp_path / "evidence").mkdir()
    (tmp_path / "evidence" / "evidence.log").write_bytes(story.log.data())
    return tmp_path


def verify(shown: Path, *words: str, device: str = ME.ecu) -> Any:
    known = {
        name: str(shown / name)
        for name in ("evidence", "director", "images", "roots")
        if (shown / name).exists()
    }
    given = [word for name, path in known.items() for word in (f"--{name}", path)]
    return fleetloop("releases", "verify", "r1", "--device", device, *given, *words)


def test_an_honest_claim_holds_and_a_lie_is_told_by_part_and_exit_code(shown: Path) -> None:
    done = verify(shown, "-o", "json")
    assert done.exit_code == Exit.OK, done.output
    assert [row["standing"] for row in json.loads(done.stdout)] == ["proved"] * 5 + ["claimed"]

    assert (
        verify(
            shown,
            device="nobody",
        ).exit_code
        == Exit.USAGE
    )
    silent = verify(shown, "--hardware", "HW4", device="nobody")
    assert silent.exit_code == Exit.CONDITION_NOT_MET
    wrong = verify(shown, "--hardware", "HW3")
    assert wrong.exit_code == Exit.USAGE
    assert "HW3, HW4" in wrong.output

    log = shown / "evidence" / "evidence.log"
    whole = log.read_bytes()
    log.write_bytes(whole.replace(b'"counter":2', b'"counter":3'))
    changed = verify(shown)
    assert changed.exit_code == Exit.CONDITION_NOT_MET
    assert "evidence of car-1: line 1" in changed.output

    log.write_bytes(b"".join(whole.splitlines(keepends=True)[:-1]))
    cut = verify(shown)
    assert cut.exit_code == Exit.CONDITION_NOT_MET
    assert "which an ack names" in cut.stdout

    log.unlink()
    assert "no evidence.log is there" in verify(shown).output
    (shown / "roots" / "director" / "root.json").unlink()
    log.write_bytes(whole)
    assert "as a device leaves the factory" in verify(shown).output
