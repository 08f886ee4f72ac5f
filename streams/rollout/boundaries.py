"""The gate's thresholds as whole numbers of failures: where its tests cross after n devices."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from streams.rollout.evidence import Counts, log_e_harm, log_e_safe

Ints = npt.NDArray[np.int64]


def harm_boundary(devices: int, ceiling: float, log_threshold: float) -> Ints:
    """Fewest known failures that show harm after n = 0 ... devices; n + 1 where none do."""
    return _boundary(devices, lambda at: log_e_harm(at, ceiling) < log_threshold)


def unproven_boundary(devices: int, ceiling: float, log_threshold: float) -> Ints:
    """Fewest possible failures with which n = 0 ... devices no longer prove safety."""
    return _boundary(devices, lambda at: log_e_safe(at, ceiling) >= log_threshold)


def _boundary(devices: int, holds: Callable[[Counts], bool]) -> Ints:
    """Fewest failures at which it no longer holds.

    Both tests are monotone in the failures, and their boundaries never fall as n grows.
    """
    found = np.zeros(devices + 1, dtype=np.int64)
    failures = 0
    for n in range(devices + 1):
        while failures <= n and holds(Counts(n, failures, failures)):
            failures += 1
        found[n] = failures
    return found
