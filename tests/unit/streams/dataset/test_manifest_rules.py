"""Splits part devices, never encounters; policies are refused with key, value and rule."""

import dataclasses
from pathlib import Path

import pytest

from schemas.examples import Example, Examples, Split
from schemas.manifests import Manifest
from streams.dataset.identity import device_fraction
from streams.dataset.manifest import carry, counts
from streams.dataset.policy import DatasetPolicy, load_policy


def example(name: str, split: Split, **changes: str) -> Example:
    made = Example(
        example_id=name,
        encounter_id=f"d/{name}",
        device_id="d",
        split=split,
        label="stop",
        frame_uri="file:///x",
        frame_digest=f"p{name}",
    )
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]  # text fields only


def test_counts_are_by_split_and_class() -> None:
    assert counts(Examples.of([example("1", Split.TRAIN), example("2", Split.TRAIN)])) == {
        "TRAIN/stop": 2
    }


def test_new_classes_are_appended_so_that_no_index_moves() -> None:
    parent = Manifest((), {"classes": '["stop", "axe"]'})
    carried = carry(parent, ["bee", "stop", "ant"], dataset_id="x")
    assert carried == {"classes": '["stop", "axe", "ant", "bee"]', "dataset_id": "x"}


def test_devices_spread_evenly_over_the_split() -> None:
    share = sum(device_fraction(f"device-{n}") < 0.1 for n in range(5000)) / 5000
    assert 0.08 < share < 0.12


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("budgett: 3", "budgett = 3"),
        ("budget: 0", "budget = 0"),
        ("[1]", "the file"),
        ("a: [", "policy.yaml"),
    ],
)
def test_a_bad_policy_file_is_refused_by_name(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        load_policy(path)


def test_without_a_file_the_defaults_hold() -> None:
    assert load_policy(None) == DatasetPolicy()
