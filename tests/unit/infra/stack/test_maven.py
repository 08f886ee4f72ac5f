"""Java programs are fetched once, whole or not at all, and a missing tool is named."""

from pathlib import Path

import pytest

from infra.stack import apicurio, kafka_broker
from infra.stack.engine import MissingEngineError
from infra.stack.maven import fetch, java, pom_version

GOAL = ["dependency:copy-dependencies"]


@pytest.fixture
def pom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A POM, an empty cache, and a PATH on which only the shell's own tools are."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    path = tmp_path / "pom.xml"
    path.write_text("<project/>")
    return path


def maven(pom: Path, script: str) -> None:
    """A stand-in for Maven: a shell script; $OUT is the folder it is asked to fill."""
    program = pom.parent / "bin" / "mvn"
    found = 'for a in "$@"; do case "$a" in -DoutputDirectory=*) OUT="${a#*=}";; esac; done\n'
    program.write_text(f"#!/bin/sh\nPATH=/bin:/usr/bin\n{found}{script}\n")
    program.chmod(0o755)


def test_it_is_fetched_once_and_said_so(pom: Path) -> None:
    maven(pom, 'mkdir "$OUT"; echo jar > "$OUT/a.jar"')
    said: list[str] = []
    folder = fetch("engine-1", pom, GOAL, said.append)
    assert (folder / "a.jar").read_text() == "jar\n"
    maven(pom, "exit 9")
    assert fetch("engine-1", pom, GOAL, said.append) == folder
    assert len(said) == 1
    assert said[0].startswith("fetching engine-1 with Maven into")


def test_another_pom_is_another_folder(pom: Path) -> None:
    maven(pom, 'mkdir "$OUT"')
    first = fetch("engine-1", pom, GOAL, lambda _: None)
    pom.write_text("<project><version>2</version></project>")
    assert fetch("engine-1", pom, GOAL, lambda _: None) != first


def test_a_failure_is_told_in_mavens_words_and_leaves_nothing(pom: Path) -> None:
    maven(pom, 'mkdir "$OUT"; echo "[ERROR] no such artifact"; exit 1')
    with pytest.raises(MissingEngineError, match=r"exit status 1\): \[ERROR\] no such artifact"):
        fetch("engine-1", pom, GOAL, lambda _: None)
    left = [path.name for path in (pom.parent / "cache" / "fleetloop").iterdir()]
    assert [name for name in left if not name.endswith(".lock")] == []


def test_a_maven_that_hangs_is_stopped_and_named(
    pom: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.stack.maven._FETCH_S", 0.2)
    maven(pom, "exec sleep 600")
    with pytest.raises(MissingEngineError, match=r"engine-1: mvn did not end in 0\.2 s"):
        fetch("engine-1", pom, GOAL, lambda _: None)


def test_missing_tools_are_named_with_a_remedy(pom: Path) -> None:
    with pytest.raises(MissingEngineError, match="engine-1: mvn is not on the PATH; install"):
        fetch("engine-1", pom, GOAL, lambda _: None)
    with pytest.raises(MissingEngineError, match="real Kafka: java is not on the PATH; install"):
        java("real Kafka")


def test_the_poms_name_their_versions(tmp_path: Path) -> None:
    assert pom_version(kafka_broker.POM).split(".")[0] == "4"
    assert pom_version(apicurio.POM).endswith(".Final")
    (tmp_path / "pom.xml").write_text("<project/>")
    with pytest.raises(ValueError, match="no <version>"):
        pom_version(tmp_path / "pom.xml")
