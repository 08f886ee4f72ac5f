"""Record batches unpacked in bulk hold what the client's own parser finds in them."""

from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka.errors import CorruptRecordException, UnsupportedCodecError
from aiokafka.record.default_records import (
    DefaultRecordBatchBuilder,
    _DefaultRecordBatchPy,
)
from aiokafka.record.util import calc_crc32c
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.unpacking import batch_end, unpack

Told = tuple[int, bytes | None, bytes | None, list[tuple[str, bytes | None]]]
BYTES = st.sampled_from((64, 1_000, 8_191, 8_300, 20_000)).map(bytes)
SMALL = st.none() | st.binary(max_size=90)
HEADERS = st.lists(st.tuples(st.text(max_size=4), SMALL), max_size=3)
STAMPS = st.integers(0, 2**41)
RECORDS = st.tuples(STAMPS, SMALL, SMALL | BYTES, HEADERS)
SHORT = st.tuples(STAMPS, SMALL, SMALL, HEADERS)


def built(
    records: Sequence[Told], codec: int = 0, *, base: int = 0, flags: int = 0, places: Any = None
) -> bytes:
    """A batch as a producer writes it and the broker stores it."""
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=codec,
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=1 << 24,
    )
    for place, (stamp, key, value, headers) in enumerate(records):
        builder.append(place if places is None else places[place], stamp, key, value, headers)
    made = bytearray(builder.build())
    made[0:8] = base.to_bytes(8, "big")
    made[22] |= flags
    return sealed(made)


def sealed(made: bytearray) -> bytes:
    made[17:21] = calc_crc32c(bytes(made[21:])).to_bytes(4, "big")
    return bytes(made)


def by_client(batch: bytes) -> list[tuple[int, int, bytes | None, bytes | None]]:
    parsed = _DefaultRecordBatchPy(batch)
    return [(one.offset, one.timestamp, one.key, one.value) for one in parsed]


def in_bulk(batch: bytes) -> list[tuple[int, int, bytes | None, bytes | None]]:
    found = unpack(batch, check_crc=True)
    columns = (found.offsets.tolist(), found.stamps_ms.tolist(), found.keys, found.values)
    return list(zip(*columns, strict=True))


@given(
    st.lists(RECORDS, min_size=1, max_size=8),
    st.integers(0, 4),
    st.sampled_from((0, 5, 2**33)),
    st.sampled_from((0, 0x08, 0x10)),
    st.data(),
)
@settings(max_examples=150, deadline=None)
def test_any_batch_unpacks_as_the_client_does(
    records: list[Told], codec: int, base: int, flags: int, data: st.DataObject
) -> None:
    gaps = st.lists(st.integers(1, 9_000), min_size=len(records), max_size=len(records))
    steps = data.draw(gaps, label="offsets that compaction left")
    places = [0, *(sum(steps[: at + 1]) for at in range(len(records) - 1))]
    batch = built(records, codec, base=base, flags=flags, places=places)
    assert in_bulk(batch) == by_client(batch)
    assert unpack(batch, check_crc=False).next_offset == base + places[-1] + 1


@given(st.lists(SHORT, min_size=1, max_size=4), st.data())
@settings(max_examples=300, deadline=None)
def test_a_damaged_record_is_refused_or_read_within_its_batch(
    records: list[Told], data: st.DataObject
) -> None:
    made = bytearray(built(records))
    at = data.draw(st.integers(61, min(len(made), 400) - 1), label="damaged byte")
    made[at] = data.draw(st.integers(0, 255), label="its value")
    batch = sealed(made)
    # The client's own reader is no judge here: it reads beyond the batch, and may crash.
    try:
        found = in_bulk(batch)
    except CorruptRecordException:
        return
    assert len(found) == len(records)
    assert all((key or b"") in batch and (value or b"") in batch for *_, key, value in found)


def test_a_value_of_a_megabyte_is_whole() -> None:
    batch = built([(1, b"key", bytes(1_100_000), [("name", None)]), (2, None, b"next", [])], 3)
    assert in_bulk(batch) == by_client(batch)


def test_a_control_batch_holds_no_record_and_moves_the_offset() -> None:
    found = unpack(built([(1, b"\x00\x00\x00\x01", b"", [])], base=7, flags=0x20), check_crc=True)
    assert (len(found.offsets), found.values, found.next_offset) == (0, [], 8)


def test_a_batch_that_compaction_emptied_moves_the_offset() -> None:
    made = bytearray(built([(1, None, b"x", [])], base=7)[:61])
    made[8:12] = (61 - 12).to_bytes(4, "big")
    made[23:27] = (4).to_bytes(4, "big")
    made[57:61] = bytes(4)
    assert unpack(sealed(made), check_crc=True).next_offset == 12


@pytest.mark.parametrize(
    ("at", "value", "told"), [(70, None, "checksum"), (16, 1, "format 1"), (60, 9, "records")]
)
def test_what_is_damaged_says_where(at: int, value: int | None, told: str) -> None:
    made = bytearray(built([(1, b"key", b"value" * 5, [])] * 2))
    made[at] = made[at] ^ 1 if value is None else value
    batch = bytes(made) if value is None else sealed(made)
    with pytest.raises(CorruptRecordException, match=told):
        unpack(batch, check_crc=True)


def test_an_unknown_codec_is_named() -> None:
    with pytest.raises(UnsupportedCodecError, match="codec 5"):
        unpack(built([(1, None, b"x", [])], flags=5), check_crc=True)


def test_batches_follow_each_other_and_the_last_one_may_be_cut_off() -> None:
    one = built([(1, None, b"x", [])])
    data = one + one[:-1]
    assert batch_end(data, 0) == len(one)
    assert batch_end(data, len(one)) is None
    assert batch_end(one + one[:5], len(one)) is None
    assert batch_end(one, len(one)) is None
