"""Where one release stands, with its evidence: all that the rules of the gate look at."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from schemas.decisions import ReleaseView
from schemas.records import Evidence, ReleaseKind
from schemas.stratum_view import StratumView
from schemas.topics import OTA_ACKS
from streams.rollout.evidence import Counts
from streams.rollout.policy import Policy
from streams.rollout.tally import METRICS, Peak, Sums, Tally


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
    rollback_to: tuple[str, str] | None = None
    approvers: tuple[str, ...] | None = None
    handled: int | None = None


@dataclass(frozen=True, slots=True)
class ReleaseStanding:
    """A release, its counts and the policy at one moment of stage two's time.

    Attributes:
        parent: Release and digest to go back to; None: it is the first.
    """

    view: ReleaseView
    parent: tuple[str, str] | None
    tally: Tally
    policy: Policy
    now_us: int

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
        return self.policy.log_harm(len(self.strata), len(METRICS))

    def updates(self, stratum: str) -> Sums:
        """Devices of the stratum by what became of their update."""
        return self.tally.sums(OTA_ACKS.name, self.release_id, stratum)

    def failures(self, stratum: str) -> int:
        """Known failures, in the test that has more of them."""
        return self._worst(stratum).failures_low

    def passed_s(self, stratum: str) -> float:
        """Seconds of ingest time since the stratum's last step."""
        return (self.now_us - self.strata[stratum].since_us) / 1e6

    def harmful(self, stratum: str) -> bool:
        """Whether the evidence of harm has crossed, and not only what a person has excused."""
        peak = max(self.peak(topic, stratum).harm for topic in METRICS)
        excused = self.strata[stratum].excused_failures
        if peak < self.log_harm_threshold:
            return False
        return excused is None or self.failures(stratum) > excused

    def proven(self, stratum: str) -> bool:
        """Whether the evidence of safety has crossed in every test."""
        return min(self.peak(topic, stratum).safe for topic in METRICS) >= self.policy.log_safe

    def evidence(self, stratum: str | None, offsets: Mapping[str, int]) -> Evidence:
        """What a decision about the stratum rests on; None: no single stratum's evidence."""
        counts = Counts() if stratum is None else self._worst(stratum)
        peaks = [Peak(0.0, 0.0) if stratum is None else self.peak(t, stratum) for t in METRICS]
        return Evidence(
            n=counts.n,
            failures_low=counts.failures_low,
            failures_high=counts.failures_high,
            e_harm=math.exp(max(peak.harm for peak in peaks)),
            e_safe=math.exp(min(peak.safe for peak in peaks)),
            thresholds={
                "ceiling": self.policy.ceiling,
                "harm": math.exp(self.log_harm_threshold),
                "safe": math.exp(self.policy.log_safe),
            },
            config_digest=self.policy.digest,
            offsets=dict(offsets),
        )

    def peak(self, topic: str, stratum: str) -> Peak:
        """Highest log e-values so far of one test of the stratum."""
        return self.tally.peak(topic, self.release_id, stratum)

    def _worst(self, stratum: str) -> Counts:
        tested = (self.tally.sums(topic, self.release_id, stratum).counts for topic in METRICS)
        return max(tested, key=lambda counts: counts.failures_low)
