"""One test of a stratum as it stands: what was counted, the evidence, and what it must reach."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from streams.rollout.evidence import Counts
from streams.rollout.metrics import Metric
from streams.rollout.rates import Windows
from streams.rollout.tally import Peak


class RateCounts(NamedTuple):
    """Closed windows in which both releases drove, added up.

    Attributes:
        metres: Distance of the candidates; control_metres: of the devices on the parent.
        events: Devices with an event, one a window; control_events: likewise.
    """

    windows: int = 0
    metres: float = 0.0
    control_metres: float = 0.0
    events: int = 0
    control_events: int = 0

    @classmethod
    def of(cls, windows: Windows) -> "RateCounts":
        """Sums of the windows; exposures are metres."""
        sums = [float(np.sum(column)) for column in windows]
        return cls(len(windows.events), sums[0], sums[1], round(sums[2]), round(sums[3]))

    @property
    def ratio(self) -> float | None:
        """Rate of the candidates by that of the control; None: the control has no event."""
        if not self.control_events or not self.metres:
            return None
        return self.events / self.metres * self.control_metres / self.control_events


class Renewed(NamedTuple):
    """What came after a person let a stratum go on (decision 0032).

    Attributes:
        seen: Log e-value of harm that the person saw.
        counts: What was counted since; those that had failed by then are not under test any more.
        harm: Log e-value of harm in that.
    """

    seen: float
    counts: "Counts | RateCounts"
    harm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A test of one metric in one stratum.

    Attributes:
        metric: What is tested.
        guard: Whether proof of safety waits for this test.
        limit: Ceiling of a share, or margin of a rate.
        counts: What was counted so far.
        peak: Highest log e-values so far.
        harm_at: Log of what evidence of harm must reach.
        safe_at: Log of what evidence of safety must reach.
        renewed: What came after a person let it go on; None: nobody has.
    """

    metric: Metric
    guard: bool
    limit: float
    counts: Counts | RateCounts
    peak: Peak
    harm_at: float
    safe_at: float
    renewed: Renewed | None = None

    @property
    def harmful(self) -> bool:
        """Whether the evidence of harm has crossed, beside what a person acknowledged."""
        return self.log_harm >= self.harm_at

    @property
    def suspect(self) -> bool:
        """Whether the evidence of harm has come as far as that of safety must, likewise."""
        return self._log_harm(self.safe_at) >= self.safe_at

    @property
    def log_harm(self) -> float:
        """Log e-value of harm that counts."""
        return self._log_harm(self.harm_at)

    @property
    def under_test(self) -> Counts | RateCounts:
        """What harm is judged by now."""
        renewed = self.renewed
        return self.counts if renewed is None or renewed.seen < self.harm_at else renewed.counts

    def _log_harm(self, level: float) -> float:
        """The evidence, or of one that had reached the level when a person saw it what came since.

        One that had not goes on as it was: it may be looked at all the time.
        """
        renewed = self.renewed
        return self.peak.harm if renewed is None or renewed.seen < level else renewed.harm

    @property
    def proven(self) -> bool:
        """Whether the evidence of safety has crossed."""
        return self.peak.safe >= self.safe_at

    @property
    def failures(self) -> int:
        """Devices known to have failed, or events of the candidates."""
        counts = self.counts
        return counts.failures_low if isinstance(counts, Counts) else counts.events

    def told(self) -> str:
        """What was counted, in a clause for people."""
        counts = self.counts
        if isinstance(counts, Counts):
            return (
                f"{self.metric}: {counts.failures_low} of {counts.n} devices failed, "
                f"more than {self.limit:.1%} may"
            )
        ratio = "more than" if counts.ratio is None else f"{counts.ratio:.2g} times"
        return (
            f"{self.metric}: {counts.events} in {counts.metres / 1_000:.0f} km, "
            f"{ratio} the parent's rate on the road at the same time"
        )

    def figures(self) -> Mapping[str, float]:
        """Everything above as numbers by name, for the record of a decision."""
        numbers = {
            **self.counts._asdict(),
            "ceiling" if isinstance(self.counts, Counts) else "margin": self.limit,
            "e_harm": math.exp(self.peak.harm),
            "harm": math.exp(self.harm_at),
            "e_safe": math.exp(self.peak.safe),
            "safe": math.exp(self.safe_at),
        }
        if self.renewed is not None:
            numbers["e_harm_since"] = math.exp(self.renewed.harm)
        return {f"{self.metric}.{name}": float(value) for name, value in numbers.items()}


class Mismatch(NamedTuple):
    """Whether the devices heard of since a wave was opened spread as its share has it.

    Attributes:
        candidates: Devices below the share; control: the others.
        opened_us: Broker's stamp of the opening.
        share: What share of them all the candidates should be.
        log_e: Log e-value now; at: what it must reach.
    """

    candidates: int
    control: int
    opened_us: int
    share: float
    log_e: float
    at: float

    @property
    def found(self) -> bool:
        """Whether the arms are not as large as they should be."""
        return self.log_e >= self.at

    def figures(self) -> Mapping[str, float]:
        """Everything above as numbers by name, for the record of a decision."""
        return {
            "arms.candidates": float(self.candidates),
            "arms.control": float(self.control),
            "arms.share": self.share,
            "arms.e_harm": math.exp(self.log_e),
            "arms.harm": math.exp(self.at),
        }

    def told(self) -> str:
        """What was counted, in a sentence for people."""
        heard = self.candidates + self.control
        return (
            f"{self.candidates} of {heard} devices heard of since the wave was opened are in it, "
            f"{self.share:.2%} should be: devices are lost, or the cohorts are wrong"
        )
