"""What the image repository says of patches: read strictly, chosen only when it saves bytes."""

from typing import Any

import pytest

from producers.device.trust.deltas import MOST, Delta, delta_from, to_custom
from producers.device.trust.refusal import RefusedError

BASE, OTHER = "aa" * 32, "bb" * 32
DELTA = Delta(base=BASE, length=100, digest="cc" * 32)


def custom(**wrong: Any) -> dict[str, Any]:
    named = to_custom([DELTA])[BASE]
    return {"deltas": {BASE: {**named, **wrong}}}


def test_the_patch_from_the_running_file_is_found() -> None:
    said = {"deltas": to_custom([Delta(base=OTHER, length=5, digest=OTHER), DELTA])}
    assert delta_from(said, BASE, 1_000) == DELTA
    assert delta_from(said, "dd" * 32, 1_000) is None


def test_a_patch_that_is_no_smaller_is_not_taken() -> None:
    assert delta_from(custom(), BASE, 101) == DELTA
    assert delta_from(custom(), BASE, 100) is None


def test_an_image_without_patches_is_fetched_whole() -> None:
    assert delta_from({"release": {}}, BASE, 1_000) is None


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"deltas": []}, "custom.deltas must be an object"),
        ({"deltas": {"A" * 64: {}}}, "SHA-256 in lower case"),
        ({"deltas": {"../../x": {}}}, "SHA-256 in lower case"),
        ({"deltas": {f"{at:064x}": {} for at in range(MOST + 1)}}, "may name 8 patches"),
        ({"deltas": {BASE: 7}}, "must be an object"),
        (custom(length=0), "length must be an integer from 1"),
        (custom(length="100"), "length must be an integer"),
        (custom(length=True), "length must be an integer"),
        (custom(hashes={}), "sha256 must be there"),
        (custom(hashes={"sha256": "../" * 22}), "sha256 must be a string"),
        ({"deltas": {OTHER: {"length": 1}}}, "hashes must be there"),
    ],
)
def test_every_malformed_field_is_named(said: Any, words: str) -> None:
    with pytest.raises(RefusedError, match=words):
        delta_from(said, BASE, 1_000)
