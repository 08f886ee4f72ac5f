"""How fast this core is now: a fixed piece of work, timed beside the inferences it is to judge."""

import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Final

import numpy as np
import onnxruntime as ort

REFERENCE_NS: Final = 31_000
"""CPU time of the work on the reference core of `schemas/catalogue.yaml`, by definition."""
KEPT: Final = 31
"""Runs whose median counts: a slow machine is followed within some batches, a hiccup is not."""

WORK: Final = Path(__file__).with_name("yardstick.onnx")
"""Two convolutions on one picture, as the models of the fleet mostly are; its test makes it."""
_SHAPE: Final = (1, 32, 32, 3)


class Yardstick:
    """The speed of this core by the work of `work`, against the reference core.

    Args:
        work: What is timed; the thread that infers must call `reference_per_here`.
        cpu_clock: CPU time of the calling thread, nanoseconds.
    """

    def __init__(
        self,
        work: Callable[[], object] | None = None,
        cpu_clock: Callable[[], int] = time.thread_time_ns,
    ) -> None:
        self._work, self._cpu = work or _convolutions(), cpu_clock
        self._recent: deque[int] = deque((self._warm() for _ in range(KEPT)), KEPT)

    def reference_per_here(self) -> float:
        """Nanoseconds that the reference core takes for what takes one here; runs the work."""
        self._recent.append(self._warm())
        return REFERENCE_NS / max(1.0, median(self._recent))

    def _warm(self) -> int:
        """The shorter of two, as an inference is judged only after another one."""
        return min(self._once(), self._once())

    def _once(self) -> int:
        began = self._cpu()
        self._work()
        return self._cpu() - began


def _convolutions() -> Callable[[], object]:
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(WORK.read_bytes(), options, providers=["CPUExecutionProvider"])
    picture = {"image": np.full(_SHAPE, 128, np.uint8)}
    return lambda: session.run(None, picture)
