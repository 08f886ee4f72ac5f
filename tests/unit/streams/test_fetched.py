"""Reading fetched batches: order, poison, gaps, tombstones and mixed schema versions."""

import pytest

from schemas.records import Device, DeviceClass, Lifecycle, Slot
from schemas.topics import DEVICES, INFERENCE_EVENTS
from streams.fetched import GapError
from tests.log_fakes import CODEC, NOW_US, STAMP_MS, good, reader, record, stretch
from tests.summing import event


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
