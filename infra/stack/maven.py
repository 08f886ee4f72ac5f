"""Java programs from Maven artifacts: fetched once into the user's cache, whole or not at all."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from infra.stack.engine import MissingEngineError, Progress

_FETCH_S: Final = 600.0


def cache_dir() -> Path:
    """Where fetched engines are kept: $XDG_CACHE_HOME/fleetloop or ~/.cache/fleetloop."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fleetloop"


def pom_version(pom: Path) -> str:
    """Version that a POM of this package names for its engine.

    Raises:
        ValueError: It names none.
    """
    version = ET.parse(pom).findtext("{http://maven.apache.org/POM/4.0.0}version")  # noqa: S314 - a file of this package
    if version is None:
        raise ValueError(f"{pom}: no <version>; it is the version of the engine")
    return version


def cached(name: str, pom: Path) -> Path:
    """Folder in which the artifacts that a POM names are, or will be, kept."""
    digest = hashlib.sha256(pom.read_bytes()).hexdigest()[:12]
    return cache_dir() / f"{name}-{digest}"


def fetch(name: str, pom: Path, goal: Sequence[str], progress: Progress) -> Path:
    """Fetch what a POM names, once; `goal` is given the folder as -DoutputDirectory.

    Raises:
        MissingEngineError: Maven is not there or failed; the message says what it said.
    """
    folder = cached(name, pom)
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time(folder.with_name(f"{folder.name}.lock")):
        if not folder.is_dir():
            progress(f"fetching {name} with Maven into {folder} (once, some seconds to minutes)")
            _fetch(name, pom, goal, folder)
    return folder


def java(purpose: str) -> str:
    """Path of the Java runtime.

    Raises:
        MissingEngineError: There is none.
    """
    return tool("java", purpose, "install a Java runtime 17 or newer")


def tool(name: str, purpose: str, remedy: str) -> str:
    """Path of a program that an engine needs.

    Raises:
        MissingEngineError: It is not on the PATH.
    """
    path = shutil.which(name)
    if path is None:
        raise MissingEngineError(f"{purpose}: {name} is not on the PATH; {remedy}")
    return path


def run_tool(
    name: str, command: Sequence[str], *, timeout_s: float
) -> "subprocess.CompletedProcess[str]":
    """Run a tool that prepares an engine; its exit status is the caller's to judge.

    Raises:
        MissingEngineError: It did not end in time; the message names engine, tool and time.
    """
    try:
        return subprocess.run(  # noqa: S603 - Maven and Java, with our own files
            command, capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise MissingEngineError(
            f"{name}: {Path(command[0]).name} did not end in {timeout_s:g} s and was stopped; "
            "look at network and disk, then try again"
        ) from error


def _fetch(name: str, pom: Path, goal: Sequence[str], folder: Path) -> None:
    maven = tool("mvn", name, "install Maven, or use an embedded engine or one by address")
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as partial:
        output = Path(partial) / "artifacts"
        # Maven writes its marks beside the POM, which may be read-only where it is installed.
        copy = shutil.copy(pom, partial)
        command = [maven, "-q", "-B", "-f", copy, *goal, f"-DoutputDirectory={output}"]
        done = run_tool(name, command, timeout_s=_FETCH_S)
        if done.returncode != 0:
            raise MissingEngineError(
                f"{name}: Maven could not fetch it (exit status {done.returncode}): "
                f"{_first_error(done.stdout + done.stderr)}"
            )
        output.replace(folder)


def _first_error(output: str) -> str:
    errors = [line for line in output.splitlines() if "ERROR" in line]
    return (errors or output.splitlines() or ["it said nothing"])[0].strip()[:400]


@contextmanager
def _one_at_a_time(lock: Path) -> Iterator[None]:
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
