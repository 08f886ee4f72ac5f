"""A device on real files that kills itself with SIGKILL at a counted operation on them."""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from producers.device.client.files import FolderFiles
from tests.updating_device import NOW_US, Boot, Repositories, install


class Deadly:
    """`Files` that die at the operation `at`, counted from 0."""

    def __init__(self, files: FolderFiles, at: int) -> None:
        self._files, self._at, self._count = files, at, 0

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._files, name)

        def counted(*words: Any) -> Any:
            if self._count == self._at:
                os.kill(os.getpid(), signal.SIGKILL)
            self._count += 1
            return operation(*words)

        return counted


def main(folder: str, at: str) -> None:
    """Boot once, take r2 when r1 runs; what runs at the end is written as JSON.

    It dies at operation `at`; -1: it lives.
    """
    sites, files, acks = Repositories(), FolderFiles(Path(folder)), list[Any]()
    if files.read("trust/director/root.json") is None:
        sites.trusted(files)
        factory = Boot(files, sites, acks, NOW_US)
        factory.start()
        factory.run(install("r1"), 10)
    boot = Boot(Deadly(files, int(at)), sites, acks, NOW_US)
    boot.start()
    boot.run(install("r2"), 12)
    running = boot.flash.slots.running
    told = {
        "runs": running and running.release_id,
        "trial": boot.flash.slots.trial,
        "engine": boot.engine and boot.engine.digest,
        "said": str(acks[-1].state),
        "said_of": acks[-1].model_digest,
    }
    sys.stdout.write(json.dumps(told) + "\n")
