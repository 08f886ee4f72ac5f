"""What acknowledgements make of the attempts that their devices had, and which came too late."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from streams.rollout.acks import NEVER, Flags, Stretches
from streams.rollout.deadlines import Stamps
from streams.rollout.outcomes import OF_ATTEMPT, Rank

_MOST_TICKS: Final = (1 << 32) - 2


class Timeouts(NamedTuple):
    """In which time a device must become final.

    Attributes:
        commit_us: After its first acceptance.
        trial_us: After the first word of each attempt that it boots the release on trial.
    """

    commit_us: int
    trial_us: int

    @property
    def tick_us(self) -> int:
        """Unit of the time from acceptance to trial: it takes 4 bytes a device; 61 for 72 hours.

        Later than `commit_us` no trial matters: its device is lost.
        """
        return 1 + self.commit_us // _MOST_TICKS

    def ticks(self, accepted_us: Stamps, trial_us: Stamps) -> npt.NDArray[np.uint32]:
        """Time to the trial in whole ticks and one more; 0: there is none."""
        ticks = np.clip((trial_us - accepted_us) // self.tick_us, 0, _MOST_TICKS) + 1
        found: npt.NDArray[np.uint32] = np.where(trial_us > 0, ticks, 0).astype(np.uint32)
        return found

    def trials(self, accepted_us: Stamps, ticks: npt.NDArray[np.uint32]) -> Stamps:
        """Stamps of trials, by a tick too early at most; 0: there is none."""
        since_us = accepted_us + (ticks.astype(np.int64) - 1) * self.tick_us
        found: Stamps = np.where(ticks > 0, since_us, 0)
        return found


class Joined(NamedTuple):
    """Attempts after n stretches of acknowledgements, each column of n.

    Attributes:
        accepted_us: When the device accepted first.
        trial_us: When the attempt first said that it is on trial, to the tick; 0: it did not.
        ranks: The highest rank of the attempt.
        marks: Those of OF_ATTEMPT.
        late: Whether by it the device is lost: what was not done in time no retry mends.
    """

    accepted_us: Stamps
    trial_us: Stamps
    ranks: npt.NDArray[np.uint8]
    marks: npt.NDArray[np.uint8]
    late: Flags


def joined(told: Stretches, held: Mapping[str, npt.NDArray[Any]], timeouts: Timeouts) -> Joined:
    """Join what a batch tells with what was held of its devices.

    Args:
        told: n stretches.
        held: By name, the columns of `Attempts`, of each stretch's device before the batch.
        timeouts: The policy's.
    """
    goes_on, fresh = told.attempts == held["attempt"], held["attempt"] == 0
    first = np.diff(told.rows, prepend=-1) != 0
    accepted_us = np.where(fresh, told.first_us, held["accepted_us"])[first]
    accepted_us = accepted_us[np.cumsum(first) - 1]
    held_rank = np.where(goes_on, held["rank"], 0)
    ranks = np.maximum(held_rank, told.ranks)
    held_us = timeouts.trials(held["accepted_us"], held["trial"])
    trial_us = np.where(goes_on & (held_us > 0), held_us, told.trial_us)
    # To the tick at once: it must not matter whether it was stored in between.
    trial_us = timeouts.trials(accepted_us, timeouts.ticks(accepted_us, trial_us))
    decides = (held_rank < Rank.COMMITTED) & (told.decided_us != NEVER)
    # What was not done in time, or failed after it, no retry mends; one may not begin either.
    late = decides & (told.decided_us - accepted_us > timeouts.commit_us)
    ended_us = np.maximum(told.failed_us, told.first_us * ~goes_on)
    late |= ended_us - accepted_us > timeouts.commit_us
    late |= decides & (trial_us > 0) & (told.decided_us - trial_us > timeouts.trial_us)
    # The attempt before this one: the device's own of before, or the stretch in front.
    before = np.where(first, held["rank"], np.roll(ranks, 1))
    before_us = np.where(first, held_us, np.roll(trial_us, 1))
    left = ~goes_on & (before == Rank.TRIAL_BOOT)
    late |= left & (told.first_us - before_us > timeouts.trial_us)
    marks = told.marks | goes_on * held["marks"] & np.uint8(OF_ATTEMPT)
    return Joined(accepted_us, trial_us, ranks, marks, late)
