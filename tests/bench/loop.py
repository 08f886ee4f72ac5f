"""`make bench NAME=loop`: the figures of the closed loop, each a ratio or a bound of one run.

Runs the demo last, in a folder of its own, and takes its times and memory from its report.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.bench import codec, fleet, record_batches
from tests.bench.figures import figure, tell
from tests.bench.peers import PeersMissingError

_FOLDER: Final = Path("build/bench/demo")


def demo() -> Mapping[str, Mapping[str, Any]]:
    """Times and memory of the demo on the embedded engines."""
    command = [sys.executable, "-m", "infra.cli.main", "demo", "--folder", str(_FOLDER)]
    subprocess.run(command, check=True, stdout=sys.stderr)
    report = json.loads((_FOLDER / "report.json").read_text())
    seconds = report["seconds"]
    return {
        "first_decision": figure(seconds["first_decision"], "s", 30, at_most=True),
        "demo_total": figure(seconds["total"], "s", 150, at_most=True),
        "demo_resident": figure(report["peak_rss_mb"], "MB", 1500, at_most=True),
    }


def _over_peers() -> Mapping[str, Mapping[str, Any]]:
    try:
        return record_batches.figures()
    except PeersMissingError as missing:
        sys.stderr.write(f"left out, the worker against its peers: {missing}\n")
        return {}


def main() -> None:
    """Measure and tell everything."""
    figures = {**codec.figures(), **fleet.figures(), **_over_peers(), **demo()}
    tell("loop", figures)


if __name__ == "__main__":
    main()
