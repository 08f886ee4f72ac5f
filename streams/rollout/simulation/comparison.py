"""Many rollouts of a scenario through several gates, and what they amount to."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

import numpy as np

from streams.rollout.simulation.calibration import Setting
from streams.rollout.simulation.gate import Gate
from streams.rollout.simulation.gates import Name, ours, staged
from streams.rollout.simulation.rollout import Drawn, Outcome, Rollout
from streams.rollout.simulation.scenario import Scenario

_Z95: Final = 1.959963984540054
_RESAMPLES: Final = 2_000


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One gate in one scenario.

    Attributes:
        exposed: Mean of devices that took the release and for which it is bad; bootstrapped.
        full: Share of rollouts that reached everybody; Wilson.
        full_median_s: Median time until then, of those that did.
        held: Share of rollouts in which a person was asked, rightly or not; Wilson.
        false_hold: Share of rollouts that held a stratum which keeps to the ceiling; Wilson.
        false_back: The same of rollbacks.
    """

    gate: Name
    runs: int
    exposed: Interval
    full: Interval
    full_median_s: float | None
    held: Interval
    false_hold: Interval
    false_back: Interval


def compare(
    scenario: Scenario, settings: Mapping[Name, Setting], seeds: Sequence[int]
) -> list[Summary]:
    """Play every seed through every gate: the same fleets for all.

    Args:
        scenario: What is played.
        settings: Of the rivals; ours is always played.
        seeds: One fleet each.
    """
    outcomes: dict[Name, list[Outcome]] = {name: [] for name in (Name.OURS, *settings)}
    for seed in seeds:
        drawn = Drawn(scenario, seed)
        for name, found in outcomes.items():
            found.append(Rollout(scenario, drawn, _gate(name, scenario, settings)).play())
    return [_summary(name, scenario, found) for name, found in outcomes.items()]


def wilson(hits: int, runs: int) -> Interval:
    """A share with its score interval (Wilson 1927)."""
    share, z2 = hits / runs, _Z95**2
    centre = (share + z2 / (2 * runs)) / (1 + z2 / runs)
    half = _Z95 / (1 + z2 / runs) * math.sqrt(share * (1 - share) / runs + z2 / (4 * runs**2))
    return Interval(share, max(0.0, centre - half), min(1.0, centre + half))


def bootstrap(values: Sequence[float]) -> Interval:
    """A mean with its percentile bootstrap interval; seeded, so that it repeats."""
    data = np.asarray(values, dtype=float)
    picks = np.random.default_rng(0).integers(0, len(data), (_RESAMPLES, len(data)))
    low, high = np.quantile(data[picks].mean(axis=1), (0.025, 0.975))
    return Interval(float(data.mean()), float(low), float(high))


def _gate(name: Name, scenario: Scenario, settings: Mapping[Name, Setting]) -> Gate:
    if name is Name.OURS:
        return ours(scenario)
    at = settings[name]
    return staged(name, scenario, threshold=at.threshold, dwell_s=at.dwell_s)


def _summary(name: Name, scenario: Scenario, outcomes: Sequence[Outcome]) -> Summary:
    runs = len(outcomes)
    times = [at.full_s for at in outcomes if at.full_s is not None]
    return Summary(
        gate=name,
        runs=runs,
        exposed=bootstrap([at.exposed for at in outcomes]),
        full=wilson(len(times), runs),
        full_median_s=median(times) if times else None,
        held=wilson(sum(bool(at.held) for at in outcomes), runs),
        false_hold=wilson(sum(any(map(scenario.keeps, at.held)) for at in outcomes), runs),
        false_back=wilson(sum(any(map(scenario.keeps, at.back)) for at in outcomes), runs),
    )
