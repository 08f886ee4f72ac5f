"""Records of many devices in turns, so that what follows on one another is judged by columns."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


def turns(devices: Ints) -> Iterator[Ints]:
    """Places of n records in log order: first those of each device's first one, then second, ...

    Within a turn no device is twice, and each place comes in one turn.
    """
    order = np.argsort(devices, kind="stable")
    ordered = devices[order]
    turn = np.arange(len(order)) - np.searchsorted(ordered, ordered, side="left")
    in_turn = order[np.argsort(turn, kind="stable")]
    done = 0
    for size in np.bincount(turn).tolist():
        yield in_turn[done : done + size]
        done += size
