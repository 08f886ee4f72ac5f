"""The tests of a shadow in one stratum: latency, and disagreement by class and by region."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from schemas.catalogue import CATALOGUE
from streams.rollout.policy import Policy
from streams.rollout.shadow_tally import LATENCY, ShadowTally


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowTest:
    """One test as it stands.

    Attributes:
        name: latency, class <index> or region <name>.
        limit: Share that may be bad.
        seen: Devices judged, or encounters compared.
        bad: Of these, devices that failed, or encounters given another class.
        log_e: Highest log e-value so far.
        harm_at: Log of what it must reach.
    """

    name: str
    limit: float
    seen: int
    bad: int
    log_e: float
    harm_at: float

    @property
    def harmful(self) -> bool:
        """Whether the evidence has crossed."""
        return self.log_e >= self.harm_at

    def told(self) -> str:
        """What was counted, in a clause for people."""
        what = (
            "devices missed the latency objective"
            if self.name == LATENCY
            else ("encounters were given another class than by the live model")
        )
        return f"{self.name}: {self.bad} of {self.seen} {what}, more than {self.limit:.1%} may be"


@dataclass(frozen=True, slots=True)
class ShadowStanding:
    """All tests of a shadow in one stratum."""

    tests: tuple[ShadowTest, ...]

    @property
    def encounters(self) -> int:
        """Encounters compared: each has one region."""
        return sum(test.seen for test in self.tests if test.name.startswith("region "))

    @property
    def slow(self) -> ShadowTest | None:
        """The test of latency, if its evidence has crossed."""
        return next((one for one in self.tests if one.name == LATENCY and one.harmful), None)

    @property
    def different(self) -> ShadowTest | None:
        """Of the classes and regions whose evidence has crossed, the one with the most."""
        crossed = [one for one in self.tests if one.name != LATENCY and one.harmful]
        return max(crossed, key=lambda one: one.log_e, default=None)

    def figures(self) -> Mapping[str, float]:
        """Every test that saw anything, as numbers by name, for the record of a decision."""
        found = {"shadow.encounters": float(self.encounters)}
        for one in self.tests:
            if one.seen:
                found[f"shadow.{one.name}.n"] = float(one.seen)
                found[f"shadow.{one.name}.failures_low"] = float(one.bad)
                found[f"shadow.{one.name}.e_harm"] = math.exp(one.log_e)
                found["shadow.harm"] = math.exp(one.harm_at)
        return found


def shadow_standing(
    policy: Policy, tally: ShadowTally, release_id: str, stratum: str, strata: int
) -> ShadowStanding | None:
    """The tests of a stratum; None: the policy has no shadow.

    Any e-value must reach tests times strata over alpha, as everywhere: the classes the live
    model tells apart, the regions of the catalogue and latency are tests, seen or not, so that
    what is met first does not choose the threshold.
    """
    rule = policy.shadow
    if rule is None:
        return None
    key = (release_id, stratum)
    pairs = tally.pairs(key)
    classes = sum(name.startswith("class ") for name in pairs)
    tests = classes + len(CATALOGUE.regions) + 1
    harm_at = math.log(tests * strata / rule.alpha)
    found = []
    for name, (seen, bad) in sorted(pairs.items()):
        limit = policy.shadow_limit(name == LATENCY)
        if limit is not None:
            log_e = tally.peak(key, name) if seen else 0.0
            found.append(
                ShadowTest(name=name, limit=limit, seen=seen, bad=bad, log_e=log_e, harm_at=harm_at)
            )
    return ShadowStanding(tuple(found))
