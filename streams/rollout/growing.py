"""Columns that grow: room that nothing was written to yet costs no memory."""

import mmap
from typing import Any, Final

import numpy as np
import numpy.typing as npt

_FIRST_BYTES: Final = 4_096


def grown(column: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
    """The column with room for `size` entries; what is new is zero.

    The room is mapped from the system and doubles. An allocator would keep what it outgrew: that
    is as much memory again as the columns of a million devices take.
    """
    if size <= len(column):
        return column
    wanted = max(size * column.itemsize, 2 * column.nbytes, _FIRST_BYTES)
    room = mmap.mmap(-1, wanted, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    wider: npt.NDArray[Any] = np.frombuffer(room, column.dtype, wanted // column.itemsize)
    wider[: len(column)] = column
    return wider
