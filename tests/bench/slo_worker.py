"""The SLO worker as it ships, measured from inside: when it was assigned, how fast it counts.

Arguments: how many windows to count before it says the rate and stops; without, it runs on.
"""

import os
import signal
import sys
import time

from infra.lean import without
from infra.settings import Settings
from schemas.topics import INFERENCE_EVENTS
from streams.processor import Fold
from streams.slo.agent import SloProcessor, processor
from streams.worker import run
from tests.bench.measuring import CountedFold, say


class Measure:
    """Says `assigned` with the time at the first fold, and the rate once all were counted.

    Time runs from the moment the first partition is opened, before anything is fetched.
    """

    def __init__(self, total: int | None) -> None:
        self._total, self._seen, self._began = total, 0, 0.0

    def attach(self, measured: SloProcessor) -> None:
        """Look at every fold that the processor makes."""
        make = measured.fold

        def fold(topic: str, partition: int, snapshot: bytes | None) -> Fold:
            if not self._began:
                self._began = time.perf_counter()
                say(f"assigned {time.time_ns() // 1_000}")
            made = make(topic, partition, snapshot)
            return CountedFold(made, self.counted) if topic == INFERENCE_EVENTS.name else made

        measured.fold = fold  # type: ignore[method-assign] # to measure the processor as it is

    def counted(self, records: int) -> None:
        """Note a batch."""
        self._seen += records
        if self._total is not None and self._seen >= self._total > self._seen - records:
            rate = self._seen / (time.perf_counter() - self._began)
            say(f"fleetloop slo worker: {rate:.0f} records/s")
            os.kill(os.getpid(), signal.SIGTERM)


def main() -> int:
    """Run the worker with settings from the environment."""
    without("pandas")
    settings = Settings()
    measured = processor(settings)
    Measure(int(sys.argv[1]) if len(sys.argv) > 1 else None).attach(measured)
    return run(measured, settings)


if __name__ == "__main__":
    sys.exit(main())
