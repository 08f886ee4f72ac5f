"""Unpacks a Kafka record batch of format 2 in bulk: columns of numbers, no object for each record.

The layout is that of Kafka's protocol guide, section "Record Batch": a header, then records of
varints and bytes, compressed as a whole. Only the records' lengths are walked one by one; what
stands in the records is decoded a column at a time.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from struct import Struct
from typing import Final

import numpy as np
import numpy.typing as npt
from aiokafka.codec import gzip_decode, lz4_decode, snappy_decode, zstd_decode
from aiokafka.errors import CorruptRecordException, UnsupportedCodecError
from aiokafka.record.util import calc_crc32c

FORMAT: Final = 2
_SIZE: Final = Struct(">qi")
_HEAD: Final = Struct(">qiibIhiqqqhii")
_CHECKED_FROM: Final = 21  # the checksum covers what follows it
_CODEC, _APPEND_TIME, _CONTROL = 0x07, 0x08, 0x20
_DECODERS: Final[Mapping[int, Callable[[bytes], bytes]]] = {
    0: lambda body: body,
    1: gzip_decode,
    2: snappy_decode,
    3: lz4_decode,
    4: zstd_decode,
}
_VARINT_BITS: Final = 64

Ints = npt.NDArray[np.int64]
_Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Unpacked:
    """The records of one batch in log order; headers are stepped over, no processor reads them.

    Attributes:
        next_offset: Where the log goes on; beyond the last record where compaction took some out.
        offsets, stamps_ms: int64[n].
        sizes: int64[n], bytes of each record as written.
        keys, values: As sent; None for null.
    """

    next_offset: int
    offsets: Ints
    stamps_ms: Ints
    sizes: Ints
    keys: list[bytes | None]
    values: list[bytes | None]


def batch_end(data: bytes, at: int) -> int | None:
    """Where the batch that begins at `at` ends; None: it is cut off, or nothing is left."""
    if len(data) - at < _SIZE.size:
        return None
    end: int = at + _SIZE.size + _SIZE.unpack_from(data, at)[1]
    return end if end <= len(data) else None


def unpack(batch: bytes, *, check_crc: bool) -> Unpacked:
    """The records of one whole batch; none of a control batch, which carries no data.

    Batches of aborted transactions are unpacked as well: nothing here reads committed data only.

    Raises:
        CorruptRecordException: The checksum is wrong, or the records do not fit their lengths.
        UnsupportedCodecError: It is compressed in a way that is not known.
    """
    if len(batch) < _HEAD.size:
        raise CorruptRecordException(f"a record batch of {len(batch)} bytes has no whole header")
    base, _, _, magic, crc, attributes, last, first_ms, max_ms, *_, count = _HEAD.unpack_from(batch)
    if magic != FORMAT:
        raise CorruptRecordException(
            f"record batch at offset {base} is of format {magic}, read is format {FORMAT}"
        )
    if check_crc and calc_crc32c(batch[_CHECKED_FROM:]) != crc:
        raise CorruptRecordException(f"record batch at offset {base} has a wrong checksum")
    if attributes & _CONTROL:
        count, body = 0, b""
    else:
        body = _decompressed(batch, attributes & _CODEC)
    starts, ends = _bounds(body, count)
    deltas, stamps, keys, values = _fields(body, starts, ends)
    if attributes & _APPEND_TIME:
        stamps = np.full(count, max_ms, dtype=np.int64)
    else:
        stamps += first_ms
    return Unpacked(base + last + 1, base + deltas, stamps, ends - starts, keys, values)


def _decompressed(batch: bytes, codec: int) -> bytes:
    decode = _DECODERS.get(codec)
    if decode is None:
        raise UnsupportedCodecError(f"record batch compressed with codec {codec}")
    return bytes(decode(batch[_HEAD.size :]))


def _bounds(body: bytes, count: int) -> tuple[Ints, Ints]:
    """Where each record begins, behind its length, and ends: the one walk from record to record."""
    heads: list[int] = []
    at, size = 0, len(body)
    try:
        for _ in range(count):
            heads.append(at)
            low, high = body[at], body[at + 1]
            if low < 0x80:
                at += 1 + (low >> 1)
            elif high < 0x80:  # nearly all records: 64 to 8,191 bytes
                at += 2 + (high << 6 | (low & 0x7F) >> 1)
            else:
                at = _behind(body, at)
    except IndexError:
        raise CorruptRecordException(f"{count} records told, {len(heads)} begun") from None
    if at != size:
        raise CorruptRecordException(f"{count} records take {at} of {size} bytes")
    lengths, starts = _varints(np.frombuffer(body, np.uint8), np.array(heads, np.int64), size)
    if (lengths <= 0).any():
        raise CorruptRecordException("the length of a record is not above 0")
    return starts, starts + lengths


def _behind(body: bytes, at: int) -> int:
    """Where a record ends whose length takes three bytes or more."""
    value = shift = 0
    while shift < _VARINT_BITS:
        value |= (body[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if body[at - 1] < 0x80:
            return at + (value >> 1)
    raise CorruptRecordException("the length of a record takes more than ten bytes")


def _fields(
    body: bytes, starts: Ints, ends: Ints
) -> tuple[Ints, Ints, list[bytes | None], list[bytes | None]]:
    """Offset deltas, timestamp deltas, keys and values of all records."""
    data = np.frombuffer(body, np.uint8)
    stamps, at = _varints(data, starts + 1, ends)  # behind one byte of attributes, all unused
    deltas, at = _varints(data, at, ends)
    keys, at = _slices(body, data, at, ends)
    values, at = _slices(body, data, at, ends)
    headers, at = _varints(data, at, ends)
    if (headers < 0).any() or (_behind_headers(data, headers, at, ends) != ends).any():
        raise CorruptRecordException("a record does not end where its headers end")
    return deltas, stamps, keys, values


def _behind_headers(data: _Bytes, counts: Ints, at: Ints, ends: Ints) -> Ints:
    """Where each record's headers, pairs of a name and a value, end."""
    at, left = at.copy(), 2 * counts
    while (rows := np.flatnonzero(left)).size:
        sizes, begin = _varints(data, at[rows], ends[rows])
        at[rows] = begin + np.minimum(np.maximum(sizes, 0), len(data))
        left[rows] -= 1
    return at


def _slices(body: bytes, data: _Bytes, at: Ints, ends: Ints) -> tuple[list[bytes | None], Ints]:
    """A length and so many bytes of each record, and where they end; a negative length is null."""
    sizes, begin = _varints(data, at, ends)
    if (sizes > ends - begin).any():
        raise CorruptRecordException("a key or value is longer than its record")
    end = begin + np.maximum(sizes, 0)
    found: list[bytes | None] = [
        body[one:other] for one, other in zip(begin.tolist(), end.tolist(), strict=True)
    ]
    for row in np.flatnonzero(sizes < 0).tolist():
        found[row] = None
    return found, end


def _varints(data: _Bytes, at: Ints, ends: Ints | int) -> tuple[Ints, Ints]:
    """A zigzag varint of each record at `at`, and where what follows it begins."""
    values, at, rows = np.zeros(len(at), np.uint64), at.copy(), np.arange(len(at))
    ends = np.broadcast_to(ends, at.shape)
    for shift in range(0, _VARINT_BITS, 7):
        if (at[rows] >= ends[rows]).any():
            break
        byte = data[at[rows]]
        values[rows] |= (byte & 0x7F).astype(np.uint64) << np.uint64(shift)
        at[rows] += 1
        rows = rows[byte > 0x7F]
        if len(rows) == 0:
            one = np.uint64(1)
            return ((values >> one) ^ (~(values & one) + one)).view(np.int64), at
    raise CorruptRecordException("a number runs out of its record")
