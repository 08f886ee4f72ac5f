"""The rollout gate's worker as it ships, measured from inside: assigned, counted, stalled.

On stdout: `assigned <UTC microseconds>` at the first fold; every `EVERY` acknowledgements
`counted <number> <monotonic seconds> <resident bytes>`; at each checkpoint
`stored <seconds> <resident bytes>`.
"""

import os
import sys
import time
from collections.abc import Collection
from typing import Final

import psutil

from infra.lean import without
from infra.settings import Settings
from schemas.topics import OTA_ACKS
from streams.processor import Fold, Source
from streams.rollout.agent import RolloutProcessor, processor
from streams.runner import Runner
from streams.worker import run
from tests.bench.measuring import CountedFold, say

EVERY: Final = 20_000


class Measure:
    """Looks at the folds of ota-acks and at the storing of state."""

    def __init__(self) -> None:
        self._seen, self._assigned = 0, False
        self._self = psutil.Process(os.getpid())

    def attach(self, measured: RolloutProcessor) -> None:
        """Look at every fold that the processor makes, and at every checkpoint."""
        make, save = measured.fold, Runner._save

        def fold(topic: str, partition: int, snapshot: bytes | None) -> Fold:
            if not self._assigned:
                self._assigned = True
                say(f"assigned {time.time_ns() // 1_000}")
            made = make(topic, partition, snapshot)
            return CountedFold(made, self.counted) if topic == OTA_ACKS.name else made

        def timed(runner: Runner, sources: Collection[Source], *, wait: bool = False) -> None:
            began = time.perf_counter()
            save(runner, sources, wait=wait)
            say(f"stored {time.perf_counter() - began:.3f} {self._resident()}")

        measured.fold = fold  # type: ignore[method-assign] # to measure the processor as it is
        setattr(Runner, "_save", timed)  # noqa: B010 - the same, where a private one is meant

    def counted(self, records: int) -> None:
        """Note a batch."""
        before, self._seen = self._seen, self._seen + records
        if self._seen // EVERY > before // EVERY:
            say(f"counted {self._seen} {time.monotonic():.3f} {self._resident()}")

    def _resident(self) -> int:
        return int(self._self.memory_info().rss)


def main() -> int:
    """Run the worker with settings from the environment."""
    without("pandas")
    settings = Settings()
    measured = processor(settings)
    Measure().attach(measured)
    return run(measured, settings)


if __name__ == "__main__":
    sys.exit(main())
