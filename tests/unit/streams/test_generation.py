"""Generations: another log, stage, configuration or code is another build of the state."""

import pytest

from streams.generation import generation

ARGUMENTS = ("log", "slo.cells", "digest", "1")


def test_the_same_build_has_the_same_name() -> None:
    assert generation(*ARGUMENTS) == generation(*ARGUMENTS)
    assert len(generation(*ARGUMENTS)) == 16


@pytest.mark.parametrize("changed", range(4))
def test_each_part_makes_another_build(changed: int) -> None:
    others = [f"{part}x" if at == changed else part for at, part in enumerate(ARGUMENTS)]
    assert generation(*others) != generation(*ARGUMENTS)


def test_parts_cannot_run_into_each_other() -> None:
    assert generation("a", "bc", "d", "e") != generation("ab", "c", "d", "e")


def test_an_empty_part_is_named() -> None:
    with pytest.raises(ValueError, match="config_digest is empty"):
        generation("log", "slo.cells", "", "1")
