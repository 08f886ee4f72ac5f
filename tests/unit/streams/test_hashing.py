"""Numbers of device ids: the same wherever an id stands in a column, and spread well."""

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.hashing import hashes

WHOLE = 0xFFFFFFFFFFFFFFFF


def plain(text: str) -> int:
    """Eight bytes at a time, as docs of the function say."""
    content = text.encode()
    found = 0x9E3779B97F4A7C15 ^ len(content)
    for at in range(0, len(content), 8):
        found = (found ^ int.from_bytes(content[at : at + 8], "little")) * 0xFF51AFD7ED558CCD
        found = found & WHOLE ^ (found & WHOLE) >> 32
    found = (found ^ found >> 29) * 0xC4CEB9FE1A85EC53 & WHOLE
    return found ^ found >> 31


@settings(deadline=None)
@given(st.lists(st.text(max_size=30), max_size=20))
def test_hashes_are_of_the_bytes_alone(texts: list[str]) -> None:
    column = pa.array(["", *texts], pa.string())
    assert hashes(column).tolist() == [plain(text) for text in ["", *texts]]
    assert hashes(column[1:]).tolist() == [plain(text) for text in texts]


def test_ids_that_differ_in_one_place_are_spread_over_both_halves() -> None:
    found = hashes(pa.array([f"vehicle-{number:07d}" for number in range(100_000)]))
    assert len(np.unique(found)) == 100_000
    for half in (found & np.uint64(0xFFFFFFFF), found >> np.uint64(32)):
        # Of 100,000 drawn from 2^32 one or two share a number with another.
        assert len(np.unique(half)) > 99_980
