"""The 61 published Uptane cases, step by step, through `fleetloop device verify`."""

import json
from pathlib import Path

import pytest

from tests.attack_vectors import Case, parameters, right, unpack
from tests.command_line import fleetloop


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack("uptane_std", tmp_path_factory.mktemp("uptane_std"))


@pytest.mark.parametrize("case", parameters("uptane"))
def test_every_step_ends_as_published(case: Case, archive: Path, tmp_path: Path) -> None:
    for step in case.steps:
        folder = archive / step["dir"]
        words = {
            "director": folder / "director",
            "images": folder / "image_repo",
            "state": tmp_path / "state",
            "now": case.row["clock"],
            "ecu": case.row["ecu"],
            "hardware": case.row["hardware_id"],
            "target": "file.txt",
        }
        options = [word for name, value in words.items() for word in (f"--{name}", str(value))]
        answer = fleetloop("device", "verify", *options, "-o", "json")
        told = json.loads(answer.stdout)
        assert told["verdict"] == step["expected"], answer.stderr
        if step["expected"] == "accept":
            assert answer.exit_code == 0
            assert (told["at_repo"], told["at_role"], told["reason"]) == (None, None, None)
        else:
            assert answer.exit_code == 3
            assert told["at_repo"] == step["at_repo"], answer.stderr
            assert right(step, told["at_role"], told["reason"]), answer.stderr
