"""Disengagements: when the human takes over, and why; the same in every run of a scenario."""

from dataclasses import dataclass
from typing import Final

from producers.device.encounters import Glimpse
from producers.device.identity import EventIds, Who, fraction
from producers.device.slots import Model
from producers.scenario.world import Drive
from schemas.records import Disengagement, Initiator, Precision
from schemas.topics import DISENGAGEMENTS

UNSURE_BELOW: Final = 0.5


@dataclass(frozen=True, slots=True)
class Cause:
    """Why autonomy ended, as a code and in words, and who ended it."""

    code: str
    text: str
    initiator: Initiator


LATE: Final = Cause("PERCEPTION_LATE", "recognised too late", Initiator.AV_SYSTEM)
WRONG: Final = Cause("PERCEPTION_WRONG", "mistaken", Initiator.TEST_DRIVER)
UNSURE: Final = Cause("PERCEPTION_UNSURE", "not sure", Initiator.TEST_DRIVER)
CHOICE: Final = Cause("DRIVER_CHOICE", "the human wanted to do it", Initiator.TEST_DRIVER)


def cause(drive: Drive, glimpse: Glimpse, *, wrong: bool, chance: float) -> Cause | None:
    """Which takeover happens at an encounter, None: none does.

    The shares of all signs that hold are laid end to end on [0, 1); `chance` falls into one of
    them or beyond, so that each sign keeps its own share and at most one takeover happens.

    Args:
        drive: Shares of the scenario.
        glimpse: What the model made of the encounter.
        wrong: The last answer was not the truth.
        chance: Uniform in [0, 1).
    """
    signs = (
        (glimpse.late > 0, drive.takeover_when_late, LATE),
        (wrong, drive.takeover_when_wrong, WRONG),
        (glimpse.confidence < UNSURE_BELOW, drive.takeover_when_unsure, UNSURE),
        (True, drive.takeover_share, CHOICE),
    )
    for holds, share, found in signs:
        if holds:
            chance -= share
            if chance < 0:
                return found
    return None


class Driver:
    """The human in one device."""

    def __init__(self, who: Who, ids: EventIds, drive: Drive, seed: int) -> None:
        self._who, self._ids, self._drive, self._seed = who, ids, drive, seed

    def watch(
        self,
        model: Model,
        encounter_id: str,
        glimpse: Glimpse,
        *,
        wrong: bool,
        speed_mps: float,
        now_us: int,
    ) -> Disengagement | None:
        """What the driver did at the end of an encounter."""
        chance = fraction(self._seed, "takeover", encounter_id)
        found = cause(self._drive, glimpse, wrong=wrong, chance=chance)
        if found is None:
            return None
        roads = self._drive.roads
        road = int(fraction(self._seed, "road", encounter_id) * len(roads))
        return Disengagement(
            event_id=self._ids.next(DISENGAGEMENTS),
            **self._who.common(),
            release_id=model.release_id,
            model_digest=model.digest,
            event_ts=now_us,
            precision=Precision.SECOND,
            initiator=found.initiator,
            mode_before="AUTONOMOUS",
            mode_after="MANUAL",
            cause=found.code,
            cause_text=found.text,
            speed_mps=speed_mps,
            road_type=roads[road] if roads else None,
            encounter_id=encounter_id,
        )
