"""Power that goes at any operation on any file: the device runs one of its models, and says which.

All points are played by `make soak NAME=ota`; here a seeded sample of them.
"""

from random import Random

import pytest

from tests.updating_device import PLOTS, Cut, Factory, operations, play, seeded

SEED = 20261126
SAMPLE = 14


@pytest.fixture(scope="module")
def factory() -> Factory:
    return Factory()


@pytest.mark.parametrize("name", PLOTS)
def test_a_plot_without_cuts_ends_as_it_should(factory: Factory, name: str) -> None:
    assert play(factory, PLOTS[name], [], SEED)["broken"] == []


@pytest.mark.parametrize("name", PLOTS)
def test_power_that_goes_once_at_any_operation(factory: Factory, name: str) -> None:
    random = Random(f"{SEED} {name}")
    count = operations(factory, PLOTS[name])
    for at in random.sample(range(count), SAMPLE):
        cut = Cut(at, before=random.random() < 0.5)
        found = play(factory, PLOTS[name], [cut], SEED + at)
        assert (found["cuts"], found["broken"]) == (1, []), cut


def test_power_that_goes_again_and_again(factory: Factory) -> None:
    random = Random(SEED)
    for seed in range(SAMPLE):
        plot = PLOTS[random.choice(sorted(PLOTS))]
        cuts = seeded(random, operations(factory, plot))
        assert play(factory, plot, cuts, seed)["broken"] == [], (plot.name, cuts, seed)
