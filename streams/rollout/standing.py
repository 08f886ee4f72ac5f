"""Where one release stands, with its evidence: all that the rules of the gate look at."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from schemas.decisions import ReleaseView
from schemas.records import Evidence, ReleaseKind
from schemas.stratum_view import StratumView
from schemas.topics import DEVICES, INFERENCE_EVENTS, OTA_ACKS
from streams.rollout.calendar_windows import Calendar
from streams.rollout.control import Sides, rate_windows
from streams.rollout.evidence import Counts
from streams.rollout.fleet_fold import NO_RELEASE
from streams.rollout.judged import Judged, Mismatch, RateCounts
from streams.rollout.metrics import RATES, SHARES, Metric
from streams.rollout.mismatch import log_e_mismatch
from streams.rollout.policy import Policy
from streams.rollout.rates import Windows, log_e_rate_harm, log_e_rate_safe
from streams.rollout.renewing import renewed_rate, renewed_share
from streams.rollout.shadow_tests import ShadowStanding, shadow_standing
from streams.rollout.sight import STALE_WINDOWS, Unseen
from streams.rollout.tally import Peak, Sums, Tally

_CRITICAL: Final = "critical"
"""Devices that gave a safety reason, in a decision's evidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A decision the gate would take; stratum None: all strata that can take it.

    Attributes:
        handled: Offset of the last command taken note of, when it moves with this step.
    """

    kind: ReleaseKind
    reason: str
    stratum: str | None = None
    wave: int | None = None
    share: float | None = None
    rate_per_min: int | None = None
    rollback_to: tuple[str, str] | None = None
    approvers: tuple[str, ...] | None = None
    handled: int | None = None


@dataclass(frozen=True, slots=True)
class ReleaseStanding:
    """A release, its counts and the policy at one moment of stage two's time.

    Attributes:
        parent: Release and digest to go back to; None: it is the first.
        retired: It is history: its devices are not counted any more.
    """

    view: ReleaseView
    parent: tuple[str, str] | None
    tally: Tally
    policy: Policy
    now_us: int
    retired: bool = False
    _tests: dict[str, list[Judged]] = field(default_factory=dict, init=False, compare=False)

    @property
    def release_id(self) -> str:
        """Which release."""
        return self.view.proposal.release_id

    @property
    def strata(self) -> Mapping[str, StratumView]:
        """Where it stands, by stratum."""
        return self.view.strata

    @property
    def log_harm_threshold(self) -> float:
        """Log of what evidence of harm must reach."""
        return self.policy.log_harm(
            len(self.strata), self.policy.metrics.tests(compared=self.parent is not None)
        )

    def updates(self, stratum: str) -> Sums:
        """Devices of the stratum by what became of their update."""
        return self.tally.sums(OTA_ACKS.name, self.release_id, stratum)

    def devices(self, stratum: str) -> int:
        """About how many devices there are of the stratum's hardware; 0: none has registered."""
        return self.tally.sums(DEVICES.name, NO_RELEASE, stratum).offered

    def driven_m(self, stratum: str) -> float:
        """Metres that the release was driven for in the stratum."""
        return self.tally.sums(INFERENCE_EVENTS.name, self.release_id, stratum).driven_mm / 1e3

    def passed_s(self, stratum: str) -> float:
        """Seconds of ingest time since the stratum's last step."""
        return (self.now_us - self.strata[stratum].since_us) / 1e6

    def tests(self, stratum: str) -> list[Judged]:
        """Every test of the stratum: shares of devices, then rates against the parent's.

        A first release has no parent to be compared with, so no test of a rate. Made once: the
        guards ask for them again and again, and a standing is of one moment.
        """
        if (made := self._tests.get(stratum)) is None:
            rates = [] if self.parent is None else self._rates(stratum, self.parent[0])
            self._tests[stratum] = made = [*self._shares(stratum), *rates]
        return made

    def sample_ratio_mismatch(self, stratum: str) -> Mismatch | None:
        """Whether those heard of since the last opening are in the wave as its share has it.

        None before the first. The j-th opening must reach G j (j + 1) / alpha, G the strata: over
        all of them that adds up to alpha at most.
        """
        openings = self.strata[stratum].openings
        if not openings:
            return None
        opened_us, share = openings[-1]
        arms = self.tally.arms.counts((self.release_id, stratum), opened_us)
        spent = len(self.strata) * len(openings) * (len(openings) + 1)
        return Mismatch(
            *arms,
            opened_us=opened_us,
            share=share,
            log_e=log_e_mismatch(*arms, share),
            at=math.log(spent / self.policy.alpha_mismatch),
        )

    def shadow(self, stratum: str) -> ShadowStanding | None:
        """The tests of the release beside the live model; None: it was never in shadow."""
        if self.strata[stratum].shadow is None:
            return None
        return shadow_standing(
            self.policy, self.tally.shadows, self.release_id, stratum, len(self.strata)
        )

    def unseen(self, stratum: str) -> Unseen | None:
        """What the gate does not see: a source that lags, or devices that do not report.

        Devices are missed from when they are known to run the release, or from the last step: a
        person who lets it go on has seen that. No test reads reports: nobody is missed.
        """
        lag = self.tally.sight.lag()
        since_us = self.tally.sight.reported_us((self.release_id, stratum))
        compared = self.parent is not None and any(True for _ in self.policy.metrics.rates())
        if lag is not None or since_us is None or not (self.policy.metrics.latency or compared):
            return lag
        age_s = (self.now_us - max(since_us, self.strata[stratum].since_us)) / 1e6
        limit_s = STALE_WINDOWS * self.policy.rate_window_s
        if age_s <= limit_s:
            return None
        return Unseen(f"no device of {stratum} reported on it for {age_s:.0f} s", age_s, limit_s)

    def worst(self, stratum: str) -> Judged:
        """The test with the highest evidence of harm that counts."""
        return max(self.tests(stratum), key=lambda test: test.log_harm)

    def critical(self, stratum: str) -> int:
        """Devices that gave a safety reason and had not when a person let it go on."""
        resumed = self.strata[stratum].resumed
        known = 0.0 if resumed is None else resumed.seen.get(_CRITICAL, 0.0)
        return self.updates(stratum).critical - round(known)

    def failures(self, stratum: str) -> int:
        """Known failures, in the test that has most of them: of those that crossed, if any did."""
        tests = self.tests(stratum)
        crossed = [test for test in tests if test.harmful]
        shares = [test for test in tests if isinstance(test.counts, Counts)]
        return max(test.failures for test in crossed or shares)

    def harmful(self, stratum: str) -> bool:
        """Whether any test's evidence of harm has crossed, beside what a person acknowledged."""
        return self.worst(stratum).harmful

    def suspected(self, stratum: str) -> bool:
        """Whether evidence of harm has gone as far in any test as proof of safety must.

        Too little to order back; one that keeps to its limit gets there with a chance of
        alpha_safe at most in each test (Ville, as in `evidence`).
        """
        return any(test.suspect for test in self.tests(stratum))

    def proven(self, stratum: str) -> bool:
        """Whether the evidence of safety has crossed in every test that guards it."""
        return all(test.proven for test in self.tests(stratum) if test.guard)

    def evidence(self, stratum: str | None, offsets: Mapping[str, int]) -> Evidence:
        """What a decision about the stratum rests on; None: no single stratum's evidence.

        Each test's counts, e-values and thresholds are told by name.
        """
        tests = [] if stratum is None else self.tests(stratum)
        counts = self._most_failures(tests)
        guards = [test.peak.safe for test in tests if test.guard]
        thresholds = {
            "ceiling": self.policy.ceiling,
            "harm": math.exp(self.log_harm_threshold),
            "safe": math.exp(self.policy.log_safe),
        }
        for name in self.strata if stratum is None else (stratum,):
            thresholds[f"devices.{name}"] = float(self.devices(name))
            thresholds[f"driven_m.{name}"] = self.driven_m(name)
        for test in tests:
            thresholds.update(test.figures())
        if stratum is not None:
            thresholds[_CRITICAL] = float(self.updates(stratum).critical)
        if stratum is not None and (arms := self.sample_ratio_mismatch(stratum)) is not None:
            thresholds.update(arms.figures())
        if stratum is not None and (shadow := self.shadow(stratum)) is not None:
            thresholds.update(shadow.figures())
        if stratum is not None and (unseen := self.unseen(stratum)) is not None:
            thresholds.update(unseen.figures())
        return Evidence(
            n=counts.n,
            failures_low=0 if stratum is None else self.failures(stratum),
            failures_high=counts.failures_high,
            e_harm=math.exp(max((test.log_harm for test in tests), default=0.0)),
            e_safe=math.exp(min(guards, default=0.0)),
            thresholds=thresholds,
            config_digest=self.policy.digest,
            offsets=dict(offsets),
        )

    def _shares(self, stratum: str) -> Iterator[Judged]:
        resumed = self.strata[stratum].resumed
        for metric, rule in self.policy.metrics.shares():
            topic = SHARES[metric]
            limit = self.policy.ceilings[topic]
            counts = self.tally.sums(topic, self.release_id, stratum).counts
            yield Judged(
                metric=metric,
                guard=rule.guard,
                limit=limit,
                counts=counts,
                peak=self.tally.peak(topic, self.release_id, stratum),
                harm_at=self.log_harm_threshold,
                safe_at=self.policy.log_safe,
                renewed=resumed and renewed_share(resumed, metric, counts, limit),
            )

    def _rates(self, stratum: str, parent: str) -> Iterator[Judged]:
        resumed = self.strata[stratum].resumed
        for metric, rule in self.policy.metrics.rates():
            windows = self._windows(metric, stratum, parent)
            since = resumed and self._windows(metric, stratum, parent, resumed.at_us)
            harm = log_e_rate_harm(windows)
            safe = log_e_rate_safe(windows, rule.margin)
            yield Judged(
                metric=metric,
                guard=rule.guard,
                limit=rule.margin,
                counts=RateCounts.of(windows),
                peak=Peak(float(harm.max(initial=0.0)), float(safe.max(initial=0.0))),
                harm_at=self.log_harm_threshold,
                safe_at=self.policy.log_safe,
                renewed=renewed_rate(resumed, metric, since) if resumed and since else None,
            )

    def _windows(
        self, metric: Metric, stratum: str, parent: str, after_us: int | None = None
    ) -> Windows:
        return rate_windows(
            self.tally.windows,
            Calendar.of(self.policy),
            RATES[metric],
            Sides(self.release_id, parent, stratum),
            self.view.proposed_us,
            self.now_us,
            after_us,
        )

    @staticmethod
    def _most_failures(tests: list[Judged]) -> Counts:
        counts = [test.counts for test in tests if isinstance(test.counts, Counts)]
        return max(counts, key=lambda one: one.failures_low, default=Counts())
