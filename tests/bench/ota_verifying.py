"""What verification costs one device: processor, memory, and bytes of metadata."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any, Final

from producers.device.client.files import FolderFiles
from producers.device.trust.cycle import UpdateCycle
from producers.device.trust.predicate import Identity
from producers.device.trust.state import TrustState
from tests.bench.figures import figure
from tests.bench.ota_site import PATH, Counting, sites
from tests.tuf_site import NOW

ROUNDS: Final = 100
POLLS_A_DAY: Final = 24
MOVES_A_DAY: Final = 10
"""How often the gate opens, widens or orders back: each gives the Director new metadata."""
DEVICES: Final = 1_000_000

_WITHOUT: Final = """
import psutil, producers.device.engine, producers.device.device, infra.objects, httpx
print(psutil.Process().memory_info().rss)
"""
_WITH: Final = _WITHOUT.replace(
    "print", "from tests.bench.ota_verifying import update; update(1); print"
)


def verifying_figures() -> dict[str, dict[str, Any]]:
    """Figures of one device."""
    found = update(ROUNDS)
    return {
        "cycle without a change": figure(found["same_ms"], "ms CPU", 5.0, at_most=True),
        "cycle with a new release in both repositories": figure(
            found["new_ms"], "ms CPU", 30.0, at_most=True
        ),
        "process with the client over one without": figure(
            (_resident(_WITH) - _resident(_WITHOUT)) / 1e6, "MB", 60.0, at_most=True
        ),
        "metadata of a cycle without a change": figure(found["same_bytes"], "bytes", None),
        "metadata of a cycle with a change": figure(found["new_bytes"], "bytes", None),
        "metadata a device and day, 24 cycles, 10 moves of the gate": figure(
            daily(found["same_bytes"], found["new_bytes"]) / 1e3, "kB", None
        ),
        "the same for a million devices": figure(
            daily(found["same_bytes"], found["new_bytes"]) * DEVICES / 1e9, "GB", None
        ),
    }


def daily(same: float, new: float) -> float:
    """Bytes of a device in a day: every move is found by a cycle that runs anyway."""
    return POLLS_A_DAY * same + MOVES_A_DAY * (new - same)


def update(rounds: int) -> dict[str, float]:
    """Cycles of a device with its state on real files: CPU milliseconds and bytes."""
    pair = sites()
    director, images = map(Counting, pair)
    with tempfile.TemporaryDirectory() as folder:
        state = TrustState(FolderFiles(Path(folder)))
        state.director.put("root", pair[0].files["1.root.json"])
        state.images.put("root", pair[1].files["1.root.json"])
        me = Identity(ecu="hw4-00001", hardware="HW4")
        cycle = UpdateCycle(director=director, images=images, state=state, me=me)

        def timed() -> tuple[float, int]:
            director.given = images.given = 0
            began = time.process_time_ns()
            cycle.verify(PATH, NOW)
            return (time.process_time_ns() - began) / 1e6, director.given + images.given

        timed()
        same = [timed() for _ in range(rounds)]
        new: list[tuple[float, int]] = []
        for _ in range(rounds):
            for site in pair:
                site.renew()
            new.append(timed())
    return {
        "same_ms": median(ms for ms, _ in same),
        "new_ms": median(ms for ms, _ in new),
        "same_bytes": same[-1][1],
        "new_bytes": new[-1][1],
    }


def _resident(program: str) -> int:
    """Bytes resident in a process of its own after a program."""
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    return int(done.stdout)
