"""Eclipse hawkBit's group conditions, as its sources have them.

Source: hawkBit, repository jpa: rollout/condition/ThresholdRolloutGroup{Error,Success}Condition,
scheduler/JpaRolloutExecutor, management/JpaActionManagement.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from streams.rollout.simulation.counts import Group
from streams.rollout.simulation.gate import Control, Verdict


@dataclass(frozen=True)
class HawkBit:
    """Errors over all targets of a group stop; finished over all targets start the next one.

    Silence is neither, and what fails after it finished is not counted: a second final status is
    ignored. A pause leaves what was already sent to go on. A share that is no number is None: no
    group ever reaches it.

    Attributes:
        error_share: A larger share of a group's targets pauses the rollout; default 0.5.
        success_share: At least this share of the latest group starts the next; default 0.5.
        canceled: Targets of the latest group whose action was canceled: final, and no error.
    """

    error_share: float | None = 0.5
    success_share: float | None = 0.5
    canceled: int = 0
    withdraws: bool = False

    def stops(self, _now_s: float, waves: Sequence[Group], _control: Control) -> Verdict:
        """Every group is looked at again and again; an empty one never fires."""
        over = self.error_share is not None and any(
            group.updates.first_failed > self.error_share * group.targets
            for group in waves
            if group.targets
        )
        return Verdict.HOLD if over else Verdict.WAIT

    def advances(self, _now_s: float, waves: Sequence[Group], _control: Control) -> bool:
        """Also when everything is final although the share was missed; an empty group counts."""
        last, counts, share = waves[-1].targets, waves[-1].updates, self.success_share
        met = share is not None and counts.first_finished >= share * last
        return met or counts.first_finished + counts.first_failed + self.canceled >= last
