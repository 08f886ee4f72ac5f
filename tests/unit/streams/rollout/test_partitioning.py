"""Keys go where Kafka's clients put them."""

import pytest

from streams.rollout.partitioning import _murmur2, partition_of


@pytest.mark.parametrize(
    ("key", "hash_"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_the_hash_is_that_of_kafkas_own_tests(key: bytes, hash_: int) -> None:
    assert _murmur2(key) == hash_ % 2**32


def test_a_key_has_one_partition_in_range() -> None:
    found = {partition_of(f"release-{number}", 2) for number in range(50)}
    assert found == {0, 1}
