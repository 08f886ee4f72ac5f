"""Device sequences: each record counts once, whatever is re-sent and in whatever order."""

from random import Random

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.device_index import DeviceLimitError
from streams.sequences import REACH, DeviceSequences


def judge(sequences: DeviceSequences, *event_ids: str) -> list[bool]:
    devices = [event_id.rsplit("/", 2)[0] for event_id in event_ids]
    return [bool(fresh) for fresh in sequences.fresh(devices, event_ids)]


def packed(sequences: DeviceSequences) -> dict[str, bytes]:
    return {name: bytes(column) for name, column in sequences.packed()}


def test_a_record_sent_again_is_not_fresh() -> None:
    sequences = DeviceSequences()
    assert judge(sequences, "d/7/1", "d/7/2", "d/7/1", "d/7/2") == [True, True, False, False]


def test_a_late_record_within_reach_counts_once() -> None:
    sequences = DeviceSequences()
    assert judge(sequences, "d/7/1", "d/7/64", "d/7/2", "d/7/2") == [True, True, True, False]


def test_a_record_beyond_reach_is_older_than_is_known() -> None:
    sequences = DeviceSequences()
    assert judge(sequences, f"d/7/{REACH}", "d/7/0", "d/7/1") == [True, False, True]


def test_a_jump_beyond_reach_forgets_the_map() -> None:
    sequences = DeviceSequences()
    assert judge(sequences, "d/7/1", "d/7/1000", "d/7/999", "d/7/1") == [True, True, True, False]


def test_a_new_boot_starts_again_and_an_old_boot_is_over() -> None:
    sequences = DeviceSequences()
    assert judge(sequences, "d/7/9", "d/8/0", "d/7/10", "d/8/0") == [True, True, False, False]


def test_devices_do_not_share_sequences() -> None:
    assert judge(DeviceSequences(), "a/1/1", "b/1/1", "a/1/1") == [True, True, False]


@pytest.mark.parametrize("event_id", ["d", "d/x/1", "d/1/-1", f"d/1/{1 << 63}", "d//"])
def test_an_id_of_another_form_cannot_be_judged(event_id: str) -> None:
    sequences = DeviceSequences()
    assert list(sequences.fresh(["d", "d"], [event_id, event_id])) == [True, True]
    assert len(sequences) == 0


def test_arrow_columns_are_taken_as_they_are() -> None:
    mask = DeviceSequences().fresh(pa.array(["a", "a"]), pa.array(["a/1/1", "a/1/1"]))
    assert mask.tolist() == [True, False]


def test_columns_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="1 devices for 2 event ids"):
        DeviceSequences().fresh(["a"], ["a/1/1", "a/1/2"])


def test_the_limit_is_named() -> None:
    sequences = DeviceSequences(max_devices=1)
    with pytest.raises(DeviceLimitError, match="limit of 1 devices"):
        judge(sequences, "a/1/1", "b/1/1")


PLACES = st.tuples(st.sampled_from("ab"), st.integers(1, 3), st.integers(0, 200))


@given(st.lists(PLACES, max_size=60), st.integers(0, 60))
@settings(deadline=None)  # a loaded machine is no failure
def test_a_snapshot_at_any_point_changes_nothing(
    places: list[tuple[str, int, int]], cut: int
) -> None:
    ids = [f"{device}/{boot}/{sequence}" for device, boot, sequence in places]
    whole = DeviceSequences()
    expected = judge(whole, *ids)
    first = DeviceSequences()
    found = judge(first, *ids[:cut])
    second = DeviceSequences.unpacked(packed(first))
    assert packed(second) == packed(first)
    assert found + judge(second, *ids[cut:]) == expected
    assert packed(second) == packed(whole)


@given(st.lists(PLACES, max_size=80))
@settings(deadline=None)  # a loaded machine is no failure
def test_no_record_counts_twice(places: list[tuple[str, int, int]]) -> None:
    ids = [f"{device}/{boot}/{sequence}" for device, boot, sequence in places]
    taken = [each for each, fresh in zip(ids, judge(DeviceSequences(), *ids), strict=True) if fresh]
    assert len(taken) == len(set(taken))


@given(st.permutations(range(REACH)))
@settings(deadline=None)  # a loaded machine is no failure
def test_all_of_one_reach_count_in_any_order(order: list[int]) -> None:
    sequences = DeviceSequences()
    assert all(judge(sequences, *(f"d/1/{sequence}" for sequence in order)))


def _one_by_one(ids: list[str]) -> list[bool]:
    sequences = DeviceSequences()
    return [judge(sequences, each)[0] for each in ids]


@settings(max_examples=12, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 150))
def test_a_batch_of_many_devices_is_judged_as_its_records_are(rng: Random, devices: int) -> None:
    ids = [
        f"d{rng.randrange(devices)}/{rng.choice((1, 1, 1, 2))}/{rng.randrange(0, 300)}"
        for _ in range(200)
    ]
    assert judge(DeviceSequences(), *ids) == _one_by_one(ids)


def test_numbers_are_plain_digits_below_two_to_the_63() -> None:
    biggest, too_big = (1 << 63) - 1, f"d/1/{1 << 63}"
    ids = [
        f"d/{biggest}/{biggest}",
        f"d/{biggest}/{biggest}",
        "d/0x1/1",
        "d/ 1/1",
        "d/+1/1",
        too_big,
    ]
    assert judge(DeviceSequences(), *ids) == [True, False, True, True, True, True]
