"""Reading fetched batches: order, poison, gaps, tombstones and mixed schema versions."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codec import Codec
from schemas.columns import ColumnDecoder
from schemas.errors import RecordError
from schemas.framing import frame, unframe
from schemas.records import Device, DeviceClass, Lifecycle, Slot
from schemas.registry import FileRegistry
from schemas.topics import DEVICES, INFERENCE_EVENTS
from schemas.validation import check, validate
from streams.fetched import BatchReader, GapError
from tests.log_fakes import (
    CODEC,
    NOW_US,
    STAMP_MS,
    TOPIC,
    LogRecord,
    good,
    reader,
    record,
    stretch,
)
from tests.summing import SummingFold, event


def test_a_batch_keeps_order_offsets_and_stamps() -> None:
    fetched = stretch([record(at, good(at)) for at in range(5, 9)])
    batch = reader().read(fetched, 4, 0)
    assert batch is not None
    assert batch.rows.column("produced").to_pylist() == [5, 6, 7, 8]
    assert batch.offsets.tolist() == [5, 6, 7, 8]
    assert batch.stamps_us.tolist() == [(STAMP_MS + at) * 1_000 for at in range(5, 9)]
    assert (batch.last_offset, batch.high_stamp_us) == (8, (STAMP_MS + 8) * 1_000)


def test_what_is_applied_already_is_dropped() -> None:
    fetched = stretch([record(at, good(at)) for at in range(5)])
    batch = reader().read(fetched, 2, 0)
    assert batch is not None
    assert batch.offsets.tolist() == [3, 4]
    assert reader().read(fetched, 4, 0) is None


def test_poison_is_counted_and_passed_over_and_moves_the_offset() -> None:
    negative = CODEC.encode(INFERENCE_EVENTS, event(1, 1, -5, now_us=NOW_US))
    values = [good(1), b"not avro", negative, None, good(2), b""]
    reading = reader()
    batch = reading.read(stretch([record(at, value) for at, value in enumerate(values)]), -1, 0)
    assert batch is not None
    assert batch.offsets.tolist() == [0, 4]
    assert batch.rows.column("produced").to_pylist() == [1, 2]
    assert batch.last_offset == 5
    assert reading.refused == {"inference-events": 4}


def test_a_batch_of_nothing_but_poison_still_moves_the_offset() -> None:
    batch = reader().read(stretch([record(0, b"x"), record(1, b"y")]), -1, 0)
    assert batch is not None
    assert (batch.rows.num_rows, batch.last_offset) == (0, 1)


@pytest.mark.parametrize(
    ("offsets", "told"), [((7, 8), "offset 7 follows 4"), ((5, 8), "offset 8 follows 5")]
)
def test_missing_records_stop_the_reader(offsets: tuple[int, ...], told: str) -> None:
    fetched = stretch([record(at, good(at)) for at in offsets])
    with pytest.raises(GapError, match=f"inference-events partition 0: {told}"):
        reader().read(fetched, 4, 0)


def test_compacted_logs_have_gaps_and_tombstones() -> None:
    device = Device(
        event_id="d/1/1",
        source="simulated",
        device_id="d",
        device_class=DeviceClass.VEHICLE,
        hardware="HW3",
        region="city",
        lifecycle=Lifecycle.ACTIVE,
        active_slot=Slot.A,
        heartbeat_interval_ms=1_000,
        consent_pictures=True,
        consent_location=True,
        consent_compute=True,
        registered_ts=NOW_US,
        updated_ts=NOW_US,
    )
    value = CODEC.encode(DEVICES, device)
    reading = reader(DEVICES)
    fetched = stretch([record(3, value), record(9, None)], topic="devices")
    batch = reading.read(fetched, -1, 0)
    assert batch is not None
    assert (batch.offsets.tolist(), batch.last_offset) == ([3], 9)
    assert reading.refused == {"devices": 0}


def test_the_highest_stamp_never_falls() -> None:
    high = STAMP_MS * 1_000 * 2
    batch = reader().read(stretch([record(0, good(1))]), -1, high)
    assert batch is not None
    assert batch.high_stamp_us == high


class TwoVersions(FileRegistry):
    """Knows an older version of inference-events too, without its last field, a nullable one."""

    def schema(self, schema_id: int) -> str:
        newest = super().schema(self.schema_id(TOPIC))
        if schema_id != OLDER_ID:
            return super().schema(schema_id)
        node = json.loads(newest)
        node["fields"].pop()
        return json.dumps(node)


OLDER_ID = 12
MIXED = TwoVersions()
MIXED_CODEC = Codec(MIXED)


def older(value: bytes) -> bytes:
    """The same record as the older version writes it."""
    _, body = unframe(value)
    assert body.endswith(b"\x00")  # the last field is null
    return frame(OLDER_ID, body[:-1])


def plain_agent(records: Sequence[LogRecord]) -> tuple[dict[str, Any], int]:
    """What an ordinary agent makes of a log: one record after another; and what it passes over."""
    folded, refused = SummingFold(), 0
    for each in records:
        try:
            decoded = MIXED_CODEC.decode(TOPIC, each.value)
            check(TOPIC, decoded, each.timestamp * 1_000)
        except RecordError:
            refused += 1
            continue
        folded.order = (folded.order * 31 + each.offset * 7 + decoded.produced) % (1 << 61)
        folded.records += 1
        folded.produced += decoded.produced
    return folded.totals(), refused


GOOD = st.integers(0, 40).map(good)
VALUES = st.one_of(
    GOOD,
    GOOD,
    GOOD.map(older),
    st.none(),
    st.binary(max_size=8),
    GOOD.map(lambda value: value[:-1]),
    GOOD.map(lambda value: value + b"\x00"),
    GOOD.map(lambda value: b"\x00\x00\x00\x00\x07" + value[5:]),
    st.just(CODEC.encode(INFERENCE_EVENTS, event(1, 1, -5, now_us=NOW_US))),
)


@given(st.lists(VALUES, min_size=1, max_size=30), st.data())
@settings(max_examples=120, deadline=None)
def test_any_split_of_any_log_equals_a_plain_agent(
    values: list[bytes | None], data: st.DataObject
) -> None:
    log = [record(at, value) for at, value in enumerate(values)]
    reading = BatchReader((INFERENCE_EVENTS,), ColumnDecoder(MIXED), validate)
    folded, through, first = SummingFold(), -1, 0
    while first < len(log):
        end = data.draw(st.integers(first + 1, len(log)), label="end of the fetch")
        again = data.draw(st.integers(0, first), label="where it begins")
        batch = reading.read(stretch(log[again:end]), through, 0)
        assert batch is not None
        folded.apply(batch)
        assert batch.stamps_us.tolist() == [(STAMP_MS + at) * 1_000 for at in batch.offsets]
        through = batch.last_offset
        first = end
    assert (folded.totals(), reading.refused[TOPIC]) == plain_agent(log)
    assert through == len(log) - 1
