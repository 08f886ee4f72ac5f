"""Device ids as 64-bit numbers, so that a million devices are arrays and not objects."""

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Hashes = npt.NDArray[np.uint64]

_OFFSET: Final = np.uint64(14695981039346656037)
_PRIME: Final = np.uint64(1099511628211)


def hashes(texts: pa.Array) -> Hashes:
    """FNV-1a 64 of each text's UTF-8 bytes, by columns: one pass for each byte position.

    Two of a million devices share a number with a chance of 3 in 100 million; where only the number
    is kept they count as one.
    """
    texts = texts.cast(pa.large_string())
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    found = np.full(len(texts), _OFFSET, dtype=np.uint64)
    if data is None:
        return found
    content = np.frombuffer(data, np.uint8)
    at, left = ends[:-1].copy(), np.diff(ends)
    rows = np.flatnonzero(left > 0)
    for _ in range(int(left.max(initial=0))):
        found[rows] = (found[rows] ^ content[at[rows]]) * _PRIME
        at[rows] += 1
        rows = rows[at[rows] < ends[rows + 1]]
    return found
