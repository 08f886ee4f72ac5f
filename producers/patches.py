"""Patches of model files: a zstandard frame whose dictionary is the file a device already has.

A trained model's numbers hardly compress, but layers that did not change stand in the old file byte
for byte, wherever they moved, and a frame that may look back into the whole old file names them by
their place (as `zstd --patch-from` does).
"""

from collections.abc import Iterable, Iterator
from typing import Final

from backports import zstd
from backports.zstd import CompressionParameter, DecompressionParameter

MOST_WINDOW: Final = 27
"""log2 of the bytes old and new file may have together: a device holds both in memory."""
_LEAST_WINDOW: Final = 10
_LEAST_BASE: Final = 8  # bytes, of a dictionary of the format
_LEVEL: Final = 9  # 19 takes twenty times as long and saves less than 0.1 % of a model's file
_PIECE: Final = 64 * 1024


class PatchError(ValueError):
    """The patch does not lead from this file to one of the announced length."""


def patch(old: bytes, new: bytes) -> bytes | None:
    """The bytes that lead from one file to the other; None: sending the new one is no worse."""
    window = _window(len(old), len(new))
    if len(old) < _LEAST_BASE or window > MOST_WINDOW:
        return None
    options: dict[int, int] = {
        CompressionParameter.compression_level: _LEVEL,
        CompressionParameter.enable_long_distance_matching: 1,
        CompressionParameter.window_log: window,
        CompressionParameter.checksum_flag: 0,  # the signed digest of the whole file is checked
    }
    made = zstd.compress(new, options=options, zstd_dict=zstd.ZstdDict(old, is_raw=True).as_prefix)
    return made if len(made) < len(new) else None


def patched(pieces: Iterable[bytes], old: bytes, length: int) -> Iterator[bytes]:
    """The new file, piece by piece; it is not verified but for its length.

    Memory stays below old and new file together, whatever the patch asks for, and not a byte is
    made beyond the announced length.

    Args:
        pieces: The patch.
        old: The file it was made from.
        length: Announced bytes of the new file.

    Raises:
        PatchError: It is no patch, asks for more memory, or makes fewer or more bytes.
    """
    window = _window(len(old), length)
    if len(old) < _LEAST_BASE or window > MOST_WINDOW:
        raise PatchError(f"files of {len(old)} and {length} bytes are not patched")
    frame = zstd.ZstdDecompressor(
        zstd_dict=zstd.ZstdDict(old, is_raw=True).as_prefix,
        options={DecompressionParameter.window_log_max: window},
    )
    made = 0
    for piece in pieces:
        for out in _unpacked(frame, piece, length):
            made += len(out)
            if made > length:
                raise PatchError(f"makes more than the announced {length} bytes")
            yield out
    if not frame.eof:
        raise PatchError(f"breaks off after {made} of {length} bytes")
    if made != length:
        raise PatchError(f"makes {made} bytes, announced {length}")


def _unpacked(frame: zstd.ZstdDecompressor, piece: bytes, length: int) -> Iterator[bytes]:
    """What a piece of the patch makes, never more than one byte beyond the whole file at once."""
    most = min(_PIECE, length + 1)
    if frame.eof:
        raise PatchError("goes on after its end")
    data = piece
    while True:
        try:
            out = frame.decompress(data, most)
        except zstd.ZstdError as error:
            raise PatchError(f"is no patch of this file: {error}") from error
        if frame.unused_data:
            raise PatchError("goes on after its end")
        data = b""
        if out:
            yield out
        if frame.eof or (frame.needs_input and not out):
            return


def _window(old: int, new: int) -> int:
    return max(_LEAST_WINDOW, (old + new - 1).bit_length())
