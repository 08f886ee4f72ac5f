"""Known inputs as a file: the same inputs come back, and nothing else is taken for them."""

import json
from typing import Any

import numpy as np
import pytest

from schemas.known_inputs import MOST_BYTES, KnownInputs, KnownInputsError, from_json, to_json


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
def test_inputs_of_any_class_of_device_come_back_as_they_were(dtype: str) -> None:
    sound = np.arange(24).reshape(2, 3, 4).astype(dtype)
    found = from_json(to_json(KnownInputs(("one", "two"), sound)))
    assert found.names == ("one", "two")
    assert found.inputs.dtype == sound.dtype
    np.testing.assert_array_equal(found.inputs, sound)


@pytest.mark.parametrize(
    "change",
    [
        {"format": "fleetloop.known/2"},
        {"names": ["one"]},
        {"names": [1, 2]},
        {"names": None},
        {"dtype": "object"},
        {"dtype": ["uint8"]},
        {"shape": [2, 3, 5]},
        {"shape": [2, -7, 4]},
        {"shape": "x"},
        {"shape": []},
        {"data": "no base 64"},
        {"data": 5},
        {"more": 1},
    ],
)
def test_what_was_changed_is_refused(change: dict[str, Any]) -> None:
    body = to_json(KnownInputs(("one", "two"), np.zeros((2, 3, 4), np.uint8)))
    with pytest.raises(KnownInputsError):
        from_json(json.dumps(json.loads(body) | change).encode())


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b"\xff", b"[" * 9_000, b" " * MOST_BYTES + b" "]
)
def test_what_is_none_is_refused(body: bytes) -> None:
    with pytest.raises(KnownInputsError):
        from_json(body)


def test_more_than_a_device_reads_is_not_written() -> None:
    with pytest.raises(KnownInputsError, match="at most 131072"):
        to_json(KnownInputs(("one",), np.zeros((1, MOST_BYTES), np.uint8)))
