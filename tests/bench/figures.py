"""How a benchmark's figures are told: a table for people, build/bench/NAME.json for machines."""

import json
import os
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import psutil

from infra.cli.output import Format, say, show

FOLDER: Final = Path("build/bench")
_PACKAGES: Final = (
    "aiokafka",
    "chdb",
    "confluent-kafka",
    "fastavro",
    "faust-streaming",
    "numpy",
    "onnxruntime",
    "pyarrow",
    "pyruhvro",
)


def figure(value: float, unit: str, goal: float | None, *, at_most: bool = False) -> dict[str, Any]:
    """One figure: met when it is at least (or, with `at_most`, at most) its goal, if it has one."""
    met = goal is None or (value <= goal if at_most else value >= goal)
    return {"value": round(value, 4), "unit": unit, "goal": goal, "met": met}


def tell(name: str, figures: Mapping[str, Mapping[str, Any]]) -> None:
    """Print the figures, and write them with machine and versions."""
    show([{"figure": key, **found} for key, found in figures.items()], Format.TABLE)
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.json"
    report = {"figures": dict(figures), "machine": machine(), "versions": versions()}
    path.write_text(json.dumps(report, indent=2) + "\n")
    say(f"written: {path}")


def machine() -> dict[str, Any]:
    """What it was measured on."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
    }


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide the speed."""
    return {"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}}


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
