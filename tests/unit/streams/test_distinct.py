"""Counting different devices in bounded memory."""

import random

import pyarrow as pa
import pytest

from streams.distinct import KEPT, Distinct, Hashes
from streams.hashing import hashes


def of(first: int, last: int) -> Hashes:
    return hashes(pa.array([f"vehicle-{number:07d}" for number in range(first, last)]))


def test_few_are_counted_exactly_however_often_they_are_told() -> None:
    made = Distinct()
    for _ in range(3):
        made.add(of(0, KEPT))
    assert made.count == KEPT


@pytest.mark.parametrize("devices", [10_000, 100_000])
def test_many_are_counted_within_five_percent(devices: int) -> None:
    made, again = Distinct(), Distinct()
    numbers = list(range(0, devices, 5_000))
    for first in numbers:
        made.add(of(first, first + 5_000))
    random.Random(3).shuffle(numbers)
    for first in numbers:
        again.add(of(first, first + 5_000))
        again = Distinct.restored(again.state())
    assert abs(made.count / devices - 1) < 0.05
    assert again.state() == made.state(), "order changes nothing"
    assert len(made.state()[1]) <= KEPT
