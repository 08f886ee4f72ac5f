"""The 71 cases recorded from the public TUF conformance suite, over HTTP, step by step."""

import hashlib
import json
import subprocess
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.attack_vectors import Case, cases, parameters, right, unpack
from tests.conformance.archive_server import ArchiveServer, serving
from tests.conformance.client import main

CLIENT = Path(__file__).parents[5] / "tests" / "conformance" / "tuf_client"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack("tufconf", tmp_path_factory.mktemp("tufconf"))


@pytest.fixture
def server() -> Iterator[ArchiveServer]:
    with serving() as server:
        yield server


def commands(step: dict[str, Any], folder: Path, own: Path, url: str) -> Iterator[list[str]]:
    """The command lines of a step: a download asks for its targets one after another."""
    trusted = ["--metadata-dir", str(own / "trusted")]
    if step["op"] == "init":
        yield [*trusted, "init", str(folder / "initial_root.json")]
        return
    where = [*trusted, "--metadata-url", f"{url}/metadata"]
    if step["op"] == "refresh":
        yield [*where, "refresh"]
    for target in step.get("targets", ()):
        what = ["--target-name", target, "--target-dir", str(own / "files")]
        yield [*where, *what, "--target-base-url", f"{url}/targets", "download"]


@pytest.mark.parametrize("case", parameters("tufconf"))
def test_every_step_ends_as_published(
    case: Case,
    archive: Path,
    server: ArchiveServer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for step in case.steps:
        folder = server.folder = archive / step["dir"]
        server.asked.clear()
        now = datetime.fromisoformat(step["clock"])
        codes = [main(words, now) for words in commands(step, folder, tmp_path, server.url)]
        said = capsys.readouterr().err
        assert (max(codes) == 0) == (step["expected"] == "accept"), said
        if step["expected"] == "reject":
            assert_refused(step, said)
        check_trusted(step, tmp_path / "trusted")
        check_files(step, tmp_path / "files")
        check_requests(step, server.asked)


def assert_refused(step: dict[str, Any], said: str) -> None:
    """Role and reason of the first refusal said."""
    _, role, reason = said.splitlines()[0].split(": ")[:3]
    role = role.split(" version ")[0]
    if step["reason"] == "target_not_found":
        assert (role, reason) == ("targets", "target_not_found")
    elif step["at_role"].startswith("delegated role"):
        assert (role, reason) == ("release", step["reason"])
    else:
        assert right(step, role, reason), said


def check_trusted(step: dict[str, Any], folder: Path) -> None:
    for role, version in step.get("trusted_after", {}).items():
        assert json.loads((folder / f"{role}.json").read_bytes())["signed"]["version"] == version


def check_files(step: dict[str, Any], folder: Path) -> None:
    found = {hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.glob("*")}
    assert found >= set(step.get("files_after", ()))


def check_requests(step: dict[str, Any], asked: list[str]) -> None:
    """The same metadata in the same order as recorded; repeats in a row count once.

    Several targets were recorded from one client; here each is a process that begins anew.
    """
    names = [path.rsplit("/", 1)[1].removesuffix(".json") for path in asked if "/metadata/" in path]
    merged = [name for at, name in enumerate(names) if at == 0 or names[at - 1] != name]
    if len(step.get("targets", ())) > 1:
        merged = list(dict.fromkeys(merged))
    if "requests" in step:
        assert merged == step["requests"]


@pytest.mark.skipif(not cases("tufconf"), reason="needs the attack vectors (FLEETLOOP_SHARED)")
def test_the_client_is_a_program_that_anyone_can_start(archive: Path, tmp_path: Path) -> None:
    root = archive / "artifact_cache" / "0" / "initial_root.json"
    trusted = ["--metadata-dir", str(tmp_path / "trusted")]
    done = subprocess.run([CLIENT, *trusted, "init", str(root)], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "trusted" / "root.json").read_bytes() == root.read_bytes()
    url = ["--metadata-url", "http://127.0.0.1:9/metadata"]
    done = subprocess.run([CLIENT, *trusted, *url, "refresh"], capture_output=True, check=False)
    assert done.returncode == 1
    assert b"unreachable" in done.stderr
