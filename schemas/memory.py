"""Keeps freed memory in the process, since batches come one after another."""

import ctypes
import platform
from functools import cache
from typing import Final

_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
KEPT_BYTES: Final = 64 * 2**20
MMAP_BYTES: Final = 32 * 2**20


@cache
def keep_freed_memory() -> bool:
    """Tell glibc to give back only what is freed above `KEPT_BYTES`; whether it took it.

    By default each batch's buffers go back to the kernel and come again as zeroed pages: a third
    of the time of decoding a batch of some megabytes. Once for a process; other C libraries keep
    their ways.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    kept = mallopt(_TRIM_THRESHOLD, KEPT_BYTES) == 1
    return bool(mallopt(_MMAP_THRESHOLD, MMAP_BYTES) == 1 and kept)
