"""What a gate can know at one moment: devices by what became of them, by wave and stratum."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, Self


class Counts(NamedTuple):
    """Devices by what is known of them.

    Attributes:
        accepted: Began to take the release.
        committed: Run it and have said so; one that fails later is none any more.
        failed: Said that it failed, before or after it had committed.
        silent: Accepted and said nothing final until its time was over.
        regressed: Of those failed, the ones that had committed before.
    """

    accepted: int = 0
    committed: int = 0
    failed: int = 0
    silent: int = 0
    regressed: int = 0

    @classmethod
    def total(cls, parts: Iterable["Counts"]) -> Self:
        """The sum of all."""
        return cls(*map(sum, zip(*parts, strict=True)))

    @property
    def first_failed(self) -> int:
        """Failures as one who keeps the first final report has them."""
        return self.failed - self.regressed

    @property
    def first_finished(self) -> int:
        """Successes as one who keeps the first final report has them."""
        return self.committed + self.regressed


@dataclass(frozen=True, slots=True)
class Group:
    """One wave, in one stratum or in all.

    Attributes:
        targets: Devices it was offered to.
        opened_s: When, in seconds of the simulation.
        updates: By their update.
        latency: By their reporting windows; those that have begun to report are accepted.
    """

    targets: int
    opened_s: float
    updates: Counts
    latency: Counts

    @classmethod
    def pooled(cls, groups: Iterable["Group"]) -> "Group":
        """The same wave over all strata, as tools have it that know none."""
        parts = list(groups)
        if len(parts) == 1:
            return parts[0]
        return cls(
            sum(part.targets for part in parts),
            parts[0].opened_s,
            Counts.total(part.updates for part in parts),
            Counts.total(part.latency for part in parts),
        )
