"""How often the gate errs: each row of `tests.rollout_errors` once, and the power of rates."""

import math
from typing import Final

import numpy as np
import pytest

from tests.rate_runs import Fleet, harm
from tests.rollout_errors import RAMP, ROWS, Row

SEED: Final = 20_265
RUNS: Final = 2_000


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_row_of_the_table_of_errors_keeps_its_promise(row: Row) -> None:
    found = row.draw(np.random.default_rng(SEED), RUNS)
    assert not row.broken(found, RUNS), (SEED, found)
    if "at the ceiling" in row.name or "at the limit" in row.name:
        assert found.rolled_back <= 0.01, (SEED, found)


@pytest.mark.parametrize(
    ("ratio", "caught", "median_day"), [(1.5, 0.90, 24), (2.0, 1.0, 11), (3.0, 1.0, 5)]
)
def test_the_power_of_a_rate_is_pinned(ratio: float, caught: float, median_day: int) -> None:
    # docs/rollout-evidence.md has this table.
    windows = Fleet(ratio=ratio, shares=RAMP).windows(np.random.default_rng(SEED), RUNS)
    seen, day = harm(windows, math.log(100))
    assert float(seen.mean()) == pytest.approx(caught, abs=0.025), SEED
    assert day == pytest.approx(median_day, abs=1), SEED


def test_a_row_that_breaks_its_promise_is_told() -> None:
    loud = Row(name="", draw=ROWS[0].draw, most_back=0.0)
    found = loud.draw(np.random.default_rng(SEED), RUNS)
    assert found.rolled_back > 0
    assert loud.broken(found, RUNS)
