"""A release that a person proposes by a file."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.cli.release_creating import ProposalError, load_proposal, proposed
from infra.objects import ObjectStore
from producers.bundles import members_of
from schemas.catalogue import CATALOGUE
from schemas.decisions import ReleaseBook
from schemas.records import ModelRelease
from tests.rollout_log import KEYRING, START, TRAINER, Log

PLAIN = {
    "release_id": "r2",
    "purpose": "sees better at night",
    "model": "model.onnx",
    "strata": ["HW3", "HW4"],
}


def written(folder: Path, **changes: Any) -> Path:
    (folder / "model.onnx").write_bytes(b"a model")
    file = folder / "release.yaml"
    file.write_text(yaml.safe_dump({**PLAIN, **changes}))
    return file


def made(folder: Path, book: ReleaseBook, **changes: Any) -> tuple[ModelRelease, list[str]]:
    objects = ObjectStore(f"file://{folder}/objects")
    return proposed(written(folder, **changes), TRAINER, book, objects)


@pytest.fixture
def log() -> Log:
    log = Log()
    log.completed("r1")
    return log


def test_what_is_left_out_is_what_one_would_expect(tmp_path: Path, log: Log) -> None:
    record, wrong = made(tmp_path, log.book)
    assert wrong == []
    KEYRING.verify(record, START)
    assert (record.counter, record.parent_release_id, record.author) == (2, "r1", "trainer")
    assert record.deadline_us["HW3"] == CATALOGUE.hardware["HW3"].deadline_us
    assert record.artifact is not None
    assert record.artifact.bytes == len(b"a model")
    stored = ObjectStore(f"file://{tmp_path}/objects").get(
        record.artifact.uri, digest=record.artifact.digest
    )
    assert stored == b"a model"


def test_a_first_release_has_no_parent(tmp_path: Path) -> None:
    record, wrong = made(tmp_path, ReleaseBook(KEYRING))
    assert (record.parent_release_id, record.counter, wrong) == (None, 1, [])


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"strata": ["HW9"]}, "stratum HW9 is not in the catalogue"),
        ({"strata": ["OPTIMUS_G2"]}, "stratum OPTIMUS_G2 is ROBOT"),
        ({"parent_release_id": "r7"}, "parent_release_id=r7 was never proposed"),
        ({"deadline_us": {"HW3": 0}}, "deadline_us of HW3 is missing or not above 0"),
    ],
)
def test_what_the_gate_would_reject_is_told_before_it_is_written(
    tmp_path: Path, log: Log, changes: dict[str, Any], told: str
) -> None:
    _, wrong = made(tmp_path, log.book, **changes)
    assert told in "; ".join(wrong)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"colour": "red"}, "colour: Extra inputs are not permitted"),
        ({"strata": []}, "strata: "),
        ({"purpose": ""}, "purpose: "),
        ({"preconditions": {"min_state_of_charge": 2}}, "preconditions.min_state_of_charge: "),
        ({"device_class": "BOAT"}, "device_class: "),
        ({"model": "other.onnx"}, "other.onnx: No such file"),
        ({"release_id": "r1"}, "release r1 was proposed before"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_by_key(
    tmp_path: Path, log: Log, changes: dict[str, Any], told: str
) -> None:
    with pytest.raises(ProposalError) as error:
        made(tmp_path, log.book, **changes)
    assert told in str(error.value)


def kept(folder: Path, record: ModelRelease) -> dict[str, bytes]:
    artifact = record.artifact
    assert artifact is not None
    objects = ObjectStore(f"file://{folder}/objects")
    return members_of(objects.get(artifact.uri, digest=artifact.digest))


def test_what_belongs_together_is_one_artifact_and_goes_on_unless_left_out(tmp_path: Path) -> None:
    (tmp_path / "lanes.onnx").write_bytes(b"lanes")
    log = Log()
    first, wrong = made(tmp_path, log.book, release_id="r1", members={"lanes": "lanes.onnx"})
    assert wrong == []
    assert kept(tmp_path, first) == {"model": b"a model", "lanes": b"lanes"}
    follows = {"parent_release_id": "r1"}
    with pytest.raises(ProposalError, match="parent r1 has lanes: name each file"):
        made(tmp_path, log.book, **follows)
    alone, _ = made(tmp_path, log.book, **follows, members={"lanes": None})
    assert kept(tmp_path, alone) == {"model": b"a model"}


def test_a_member_that_cannot_be_is_refused(tmp_path: Path, log: Log) -> None:
    with pytest.raises(ProposalError, match=r"model .*lanes\.onnx: No such file"):
        made(tmp_path, log.book, members={"lanes": "lanes.onnx"})
    (tmp_path / "lanes.onnx").write_bytes(b"lanes")
    with pytest.raises(ProposalError, match=r"member '\.\./lanes': names are small letters"):
        made(tmp_path, log.book, members={"../lanes": "lanes.onnx"})


@pytest.mark.parametrize(
    ("text", "told"), [("a: [", "neither YAML nor JSON"), ("- 1", "file: "), ("", "file: ")]
)
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "release.yaml"
    file.write_text(text)
    with pytest.raises(ProposalError, match=told):
        load_proposal(file)
    with pytest.raises(ProposalError, match="No such file"):
        load_proposal(tmp_path / "nothing.yaml")
