"""Memory mapped from the system: what was not written to costs nothing, what is freed is free.

An allocator keeps what it was given back, in holes: that is as much memory again as the columns of
a million devices take.
"""

import mmap
from typing import Any, Final

import numpy as np
import numpy.typing as npt

_FIRST_BYTES: Final = 4_096


def grown(column: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
    """The column with room for `size` entries, which doubles; what is new is zero."""
    if size <= len(column):
        return column
    wanted = max(size * column.itemsize, 2 * column.nbytes, _FIRST_BYTES)
    room = mmap.mmap(-1, wanted, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    wider: npt.NDArray[Any] = np.frombuffer(room, column.dtype, wanted // column.itemsize)
    wider[: len(column)] = column
    return wider


def owned(packed: bytes, kind: type) -> npt.NDArray[Any]:
    """A column of what was packed: a copy that may be written to and grow."""
    column: npt.NDArray[Any] = np.frombuffer(packed, kind)
    made = grown(np.zeros(0, kind), len(column))[: len(column)]
    made[:] = column
    return made
