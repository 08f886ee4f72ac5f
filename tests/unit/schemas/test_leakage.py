"""Planted leaks are found, every one; what is built has none."""

import dataclasses

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from schemas.examples import Example, Split
from schemas.fingerprints import fingerprint, near_pairs, stacked
from schemas.leakage import Leak, LeakageError, audit, leaks, parted

RNG = np.random.default_rng(8)


def picture() -> NDArray[np.uint8]:
    """Smooth, as pictures are: 8 x 8 random colours made 32 x 32."""
    coarse = RNG.integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return np.repeat(np.repeat(coarse, 4, axis=0), 4, axis=1)


def copied(of: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Brighter and noisy: the same scene sent again."""
    noise = RNG.normal(0, 4, of.shape)
    changed: NDArray[np.uint8] = np.clip(of * 1.05 + noise, 0, 255).astype(np.uint8)
    return changed


def example(number: int, split: Split, seen: NDArray[np.uint8]) -> Example:
    return Example(
        example_id=f"e{number:03}",
        encounter_id=f"d{number}/1",
        device_id=f"d{number}",
        split=split,
        label="stop",
        frame_uri=f"file:///{number}",
        frame_digest=f"p{number}",
        source_topic="edge-cases",
        fingerprint=fingerprint(seen),
    )


def world(count: int = 60) -> tuple[list[Example], list[NDArray[np.uint8]]]:
    seen = [picture() for _ in range(count)]
    sides = [Split.VALIDATION if n % 4 == 0 else Split.TRAIN for n in range(count)]
    return [example(n, sides[n], seen[n]) for n in range(count)], seen


def test_a_clean_set_has_none_and_says_what_was_checked() -> None:
    examples, _ = world()
    proof = audit(examples)
    assert (proof.checked, proof.violations) == (180, 0)


def test_every_planted_relation_is_found() -> None:
    examples, seen = world()
    by_name = {
        "encounter": {"encounter_id": "d4/1"},
        "picture": {"frame_digest": "p8"},
        "device": {"device_id": "d12"},
    }
    for number, (kind, change) in enumerate(by_name.items(), 1):
        examples[number] = dataclasses.replace(examples[number], **change)  # type: ignore[arg-type]  # text fields only
        assert kind in {leak.kind for leak in leaks(examples)}
    for number, source in ((17, 16), (21, 20), (25, 40)):
        near = fingerprint(copied(seen[source]))
        examples[number] = dataclasses.replace(examples[number], fingerprint=near)
    found = leaks(examples)
    assert {(leak.kind, leak.train, leak.validation) for leak in found} == {
        ("encounter", "e001", "e004"),
        ("picture", "e002", "e008"),
        ("device", "e003", "e012"),
        ("near picture", "e017", "e016"),
        ("near picture", "e021", "e020"),
        ("near picture", "e025", "e040"),
    }
    with pytest.raises(LeakageError, match=r"6 relations cross the split: device d12: e003 trains"):
        audit(examples)


def test_what_is_added_is_parted_from_the_other_side_and_the_kept_stay() -> None:
    kept, seen = world(20)
    fresh = picture()
    added = [
        example(100, Split.TRAIN, copied(seen[4])),  # near a kept one that validates
        example(101, Split.VALIDATION, copied(seen[5])),  # near a kept one that trains
        example(102, Split.TRAIN, copied(seen[6])),  # near one on its own side: no leak
        example(103, Split.TRAIN, fresh),
        example(104, Split.VALIDATION, copied(fresh)),  # of two added ones the validating goes
        example(105, Split.VALIDATION, picture()),
    ]
    clean = parted(kept, added)
    assert [one.example_id for one in clean] == ["e102", "e103", "e105"]
    assert leaks([*kept, *clean]) == []


def test_a_test_drive_is_one_recorder_and_no_leak() -> None:
    examples, _ = world(8)
    drive = [dataclasses.replace(one, device_id="drive", source_topic="") for one in examples]
    assert leaks(drive) == []


def test_near_pairs_are_exactly_those_of_all_comparisons() -> None:
    seen = [picture() for _ in range(700)]
    left = [fingerprint(one) for one in seen[:400]]
    right = [fingerprint(copied(seen[n]) if n % 9 == 0 else picture()) for n in range(300)]

    def unit(prints: list[bytes]) -> NDArray[np.float64]:
        raw = np.array([list(one) for one in prints], np.float64)
        raw -= raw.mean(axis=1, keepdims=True)
        scaled: NDArray[np.float64] = raw / np.linalg.norm(raw, axis=1, keepdims=True)
        return scaled

    alike = np.argwhere(unit(left) @ unit(right).T >= 0.98)
    brute = {(int(i), int(j)) for i, j in alike}
    assert set(near_pairs(stacked([pa.array(left)]), stacked([pa.array(right)]))) == brute
    assert len(brute) >= 30


def test_a_leak_reads_as_a_row() -> None:
    assert Leak("device", "d1", "a", "b")._asdict()["validation"] == "b"


@pytest.mark.parametrize("shape", [(32, 32), (30, 32, 3), (0, 8, 3)])
def test_what_is_no_picture_has_no_fingerprint(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="picture"):
        fingerprint(np.zeros(shape, np.uint8))
