"""The devices of one simulated rollout, drawn once for all gates from a seed."""

import math
from dataclasses import dataclass

import numpy as np

from streams.rollout.simulation.delay import Floats
from streams.rollout.simulation.scenario import How, Scenario


@dataclass(frozen=True, slots=True)
class Devices:
    """One stratum in cohort order: arrays of one value for each device.

    Times are seconds, infinite when it never happens: `accepts_s` from the offer, the others from
    accepting.

    Attributes:
        fails: bool[n], whether the release is bad for the device.
    """

    fails: np.typing.NDArray[np.bool_]
    accepts_s: Floats
    commits_s: Floats
    fails_s: Floats
    silent_s: Floats
    reports_s: Floats
    passes_s: Floats
    late_s: Floats


def draw(scenario: Scenario, seed: int) -> dict[str, Devices]:
    """The fleet of a seed, by stratum; the same for every gate."""
    rng = np.random.default_rng(seed)
    factors, waits = _regions(scenario, rng)
    return {
        name: _devices(scenario, scenario.failing.rate_in(name), devices, rng, factors, waits)
        for name, devices in scenario.fleet.items()
    }


def draw_control(scenario: Scenario, seed: int) -> Devices:
    """As many devices, that install the parent again: what a baseline would report."""
    rng = np.random.default_rng((seed, 1))
    factors, waits = _regions(scenario, rng)
    flat = np.ones_like(factors)
    total = sum(scenario.fleet.values())
    quiet = scenario.failing.model_copy(update={"how": How.REPORTED})
    parent = scenario.model_copy(update={"failing": quiet})
    return _devices(parent, scenario.parent_rate, total, rng, flat, waits)


def _regions(scenario: Scenario, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Factor on the failure rate, and seconds of waiting, of each region."""
    spread = scenario.failing.by_region
    factors = np.exp(spread * rng.standard_normal(scenario.regions))
    waits = rng.exponential(1.0, scenario.regions) * scenario.region_delay_s
    # Of mean one, so that the fleet's rate is the stated one in every run.
    return factors / factors.mean(), waits


def _devices(
    scenario: Scenario,
    rate: float,
    devices: int,
    rng: np.random.Generator,
    factors: Floats,
    waits: Floats,
) -> Devices:
    region = rng.integers(0, scenario.regions, devices)
    fails = rng.random(devices) < np.minimum(1.0, rate * factors[region])
    accepts = scenario.accepts.draw(rng, devices) + waits[region]
    accepts[rng.random(devices) < scenario.never_accepts] = math.inf
    commits = scenario.commits.draw(rng, devices)
    after = scenario.failing.after.draw(rng, devices)
    never = np.full(devices, math.inf)
    how = scenario.failing.how
    reports = fails & (how is How.REPORTED)
    mute, late = fails & (how is How.SILENT), fails & (how is How.LATE_FRAMES)
    broken = (reports & (after <= commits)) | mute
    committed = np.where(broken, math.inf, commits)
    return Devices(
        fails=fails,
        accepts_s=accepts,
        commits_s=committed,
        fails_s=np.where(reports, after, never),
        silent_s=np.where(mute, scenario.policy.commit_timeout_s, never),
        reports_s=committed,
        passes_s=np.where(late, math.inf, committed + scenario.judged_s),
        late_s=np.where(late, commits + after, never),
    )
