"""Devices by row, however their hashes fall."""

import random

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams import device_index
from streams.device_index import DeviceIndex
from streams.rollout.deadlines import Deadlines

names = st.lists(st.tuples(st.text(max_size=6), st.integers(0, 2)), max_size=40)


def rows(index: DeviceIndex, devices: list[tuple[str, int]]) -> list[int]:
    ids = pa.array([name for name, _ in devices], pa.string())
    found = index.rows(ids, np.array([stratum for _, stratum in devices], np.uint8))
    return [int(row) for row in found]


@settings(deadline=None)
@given(st.lists(names, max_size=5))
def test_a_device_keeps_its_row(batches: list[list[tuple[str, int]]]) -> None:
    index, known = DeviceIndex(), dict[tuple[str, int], int]()
    for batch in batches:
        for device, row in zip(batch, rows(index, batch), strict=True):
            assert known.setdefault(device, row) == row
    assert sorted(known.values()) == list(range(len(index)))
    assert {(i.as_py(), int(s)) for i, s in zip(index.ids, index.strata, strict=True)} == set(known)


@pytest.mark.parametrize("tags", [1, 7])
def test_devices_whose_hashes_are_the_same_are_told_apart(
    monkeypatch: pytest.MonkeyPatch, tags: int
) -> None:
    def clash(devices: pa.Array, strata: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
        return np.array([len(name.as_py()) % tags for name in devices], np.uint32) + strata * 0

    monkeypatch.setattr(device_index, "_tags", clash)
    index, chance = DeviceIndex(), random.Random(3)
    devices = [("x" * chance.randrange(9) + str(number), number % 2) for number in range(60)]
    first = rows(index, devices)
    assert sorted(first) == list(range(60))
    chance.shuffle(shuffled := list(zip(devices, first, strict=True)))
    assert rows(index, [device for device, _ in shuffled]) == [row for _, row in shuffled]


def test_a_growing_table_and_a_restored_one_find_every_device() -> None:
    index, devices = DeviceIndex(), [(f"device-{number}", number % 3) for number in range(5_000)]
    for begin in range(0, 5_000, 700):
        assert rows(index, devices[begin : begin + 700])[0] == begin
    assert rows(index, devices) == list(range(5_000))
    columns = {name: column.copy() for name, column in index.columns().items()}
    restored = DeviceIndex.restored(columns)
    assert rows(restored, devices[::-1]) == list(range(5_000))[::-1]
    assert rows(restored, [("another", 0)]) == [5_000]


def test_deadlines_come_out_in_order_and_once() -> None:
    waiting, out = Deadlines(), list[int]()
    for stamp in range(0, 100, 10):
        waiting.add(np.array([stamp + 5, stamp]), np.array([stamp + 1, stamp]))
        assert waiting.first_us == max(0, stamp - 10)
        out += waiting.pop_before(stamp).tolist()
    assert waiting.first_us == 90
    out += waiting.pop_before(1_000).tolist()
    assert out == [base + step for base in range(0, 100, 10) for step in (0, 1)]
    assert waiting.first_us is None
