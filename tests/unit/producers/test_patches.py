"""Patches lead exactly to the new file or to an error, and never make more than was announced."""

import hashlib
from collections.abc import Iterator

import numpy as np
import pytest
from backports import zstd
from hypothesis import given, settings
from hypothesis import strategies as st

from producers.patches import PatchError, patch, patched

ROWS = 40_000


def numbers(seed: int, count: int = ROWS) -> bytes:
    """Bytes like a layer's: floats, which hardly compress."""
    return np.random.default_rng(seed).standard_normal(count, np.float32).tobytes()


OLD = b"head" + numbers(1) + numbers(2)
NEW = b"a new card before" + numbers(1) + numbers(3, 1_000)


def made(old: bytes = OLD, new: bytes = NEW) -> bytes:
    found = patch(old, new)
    assert found is not None
    return found


def apply(body: bytes, old: bytes = OLD, length: int = len(NEW), size: int = 1_000) -> bytes:
    pieces = (body[at : at + size] for at in range(0, len(body), size))
    return b"".join(patched(pieces, old, length))


def test_a_patch_costs_what_changed() -> None:
    body = made()
    assert apply(body) == NEW
    assert len(body) <= 1.1 * len(numbers(3, 1_000))


def test_a_file_with_nothing_in_common_is_sent_whole() -> None:
    assert patch(OLD, hashlib.sha256(b"").digest() * 1) is None
    assert patch(b"", NEW) is None


@settings(max_examples=60, deadline=None)
@given(
    old=st.binary(min_size=1, max_size=300), new=st.binary(max_size=300), size=st.integers(1, 99)
)
def test_any_two_files(old: bytes, new: bytes, size: int) -> None:
    body = patch(old, new)
    if body is not None:
        assert len(body) < len(new)
        assert apply(body, old, len(new), size) == new


@settings(max_examples=150, deadline=None)
@given(at=st.integers(0, 3_000), bit=st.integers(0, 7), cut=st.integers(1, 3_999))
def test_a_damaged_patch_never_passes_for_the_new_file(at: int, bit: int, cut: int) -> None:
    body = bytearray(made())
    body[at % len(body)] ^= 1 << bit
    for damaged in (bytes(body), made()[: cut % len(body)]):
        try:
            # The frame has no checksum: what has the right length may still be another file,
            # which the signed digest tells.
            assert len(apply(damaged)) == len(NEW)
        except PatchError:
            continue


def test_a_patch_of_another_file_does_not_lead_to_the_new_one() -> None:
    try:
        assert apply(made(), old=numbers(7, 2 * ROWS)) != NEW
    except PatchError as error:
        assert "no patch of this file" in str(error)  # noqa: PT017 - either end is right


def test_a_patch_that_expands_without_end_is_stopped_at_the_announced_length() -> None:
    """A gigabyte of zeros is a few kilobytes of patch."""
    bomb = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 18})
    given = 0

    def pieces() -> Iterator[bytes]:
        nonlocal given
        for _ in range(1_000):
            given += 1
            yield bomb.compress(bytes(1_000_000), zstd.ZstdCompressor.FLUSH_BLOCK)

    out: list[bytes] = []
    with pytest.raises(PatchError, match=f"more than the announced {len(NEW)} bytes"):
        out.extend(patched(pieces(), OLD, len(NEW)))
    assert sum(map(len, out)) <= len(NEW)
    assert given <= 2


def test_a_patch_that_asks_for_more_memory_than_both_files_is_refused() -> None:
    options: dict[int, int] = {zstd.CompressionParameter.window_log: 27}
    greedy = zstd.ZstdCompressor(options=options)
    body = greedy.compress(bytes(10)) + greedy.flush()
    with pytest.raises(PatchError, match="no patch of this file"):
        apply(body, length=10)


@pytest.mark.parametrize(
    ("body", "length", "words"),
    [
        (b"", len(NEW), "breaks off after 0"),
        (b"not zstandard at all", len(NEW), "no patch of this file"),
        (made()[:-1], len(NEW), "breaks off after"),
        (made() + b"x", len(NEW), "goes on after its end"),
        (made() + made(), len(NEW), "goes on after its end"),
        (made(), len(NEW) - 1, "more than the announced"),
        (made(), len(NEW) + 1, f"makes {len(NEW)} bytes"),
        (made(), 1 << 27, "are not patched"),
    ],
)
def test_what_is_no_patch_is_refused(body: bytes, length: int, words: str) -> None:
    for size in (1, 1_000, len(body) + 1):
        with pytest.raises(PatchError, match=words):
            apply(body, length=length, size=size)


def test_without_the_old_file_nothing_is_patched() -> None:
    with pytest.raises(PatchError, match="files of 0 and"):
        apply(made(), old=b"")
