"""One release of the gate's story: it meets every decision there is."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from schemas.records import CommandKind as C
from schemas.records import ReleaseKind as K
from schemas.strata import StratumStatus as S
from schemas.stratum_view import StratumView
from tests.crash.gate_fleet import KafkaWorld
from tests.rollout_world import Fault

ALL: Final = ("HW3", "HW4", "AI5")
EXPECTED: Final = Counter(
    {
        **{(kind, stratum): 1 for kind in (K.VERIFIED, K.APPROVED, K.PAUSED) for stratum in ALL},
        **{(K.SHADOW_OPENED, stratum): 1 for stratum in ALL},
        (K.WAVE_OPENED, "HW3"): 1,
        (K.WAVE_OPENED, "HW4"): 2,
        (K.WAVE_OPENED, "AI5"): 1,
        (K.RESUMED, "HW3"): 1,
        (K.RESUMED, "HW4"): 2,
        (K.RESUMED, "AI5"): 1,
        (K.ROLLBACK_ORDERED, "HW3"): 1,
        (K.HELD, "HW4"): 1,
        (K.HELD, "AI5"): 1,
        (K.ABORTED, "AI5"): 1,
        (K.WAVE_EXTENDED, "HW4"): 1,
        (K.ROLLBACK_STALLED, "HW3"): 1,
        (K.ROLLBACK_DONE, "HW3"): 1,
        (K.COMPLETED, "HW4"): 1,
    }
)
"""The gate's decisions about one release of the story, by stratum: one may speak of all."""


@dataclass
class Cycle:
    """One release from proposal to its ends: back on HW3, everywhere on HW4, given up on AI5."""

    world: KafkaWorld
    number: int
    parent: str
    resumed: bool = False
    held: bool = False

    @property
    def release_id(self) -> str:
        """The release that all is about."""
        return f"r{self.number}"

    def begin(self) -> None:
        """Propose it, one before it that nobody approves, and one whose counter is too low."""
        world, counter = self.world, 10 * self.number
        world.faults[self.release_id] = Fault(kind="INSTALL_FAILED", strata=("HW3",))
        world.spare(self.release_id)
        world.publish(f"old-{self.number}", counter + 1)
        world.publish(self.release_id, counter + 2, self.parent)
        world.publish(f"wrong-{self.number}", counter)
        for device in world.devices:
            device.off = True  # nobody takes it before it was paused and resumed

    def act(self) -> bool:
        """What people and devices do as the log stands; whether all is over."""
        view = self.world.book.releases.get(self.release_id)
        if view is None:
            return False
        statuses = {name: stratum.status for name, stratum in view.strata.items()}
        if set(statuses.values()) == {S.VERIFIED}:
            self.world.once(self.release_id, C.APPROVE)
        elif S.SHADOW in statuses.values():
            self.world.compare(self.release_id)
        elif not self.resumed:
            self._pause(view.strata)
        else:
            self._send_away(view.strata["HW3"])
            self._decide(view.strata)
        ended = {"HW3": S.ROLLED_BACK, "HW4": S.COMPLETED, "AI5": S.ABORTED}
        return statuses == ended and self._settled()

    def _pause(self, strata: Mapping[str, StratumView]) -> None:
        statuses = [stratum.status for stratum in strata.values()]
        if statuses == [S.OPEN] * 3 and all(one.resumed is None for one in strata.values()):
            self.world.once(self.release_id, C.PAUSE)
        elif S.PAUSED in statuses:
            self.world.once(self.release_id, C.RESUME)
        elif all(one.resumed is not None for one in strata.values()):
            self.resumed = True
            for device in self.world.devices:
                device.off = False

    def _send_away(self, back: StratumView) -> None:
        """The first to take it is away from then on, until its rollback stalls."""
        first = self.world.spared[self.release_id][0]
        for device in self.world.devices:
            if device.device_id == first and self.release_id in device.attempts:
                device.off = not back.stalled

    def _decide(self, strata: Mapping[str, StratumView]) -> None:
        if strata["HW3"].rollback_to is None:
            return
        if strata["HW4"].status is S.HELD:
            self.world.once(self.release_id, C.RESUME, "HW4", turn=1)
            self.held = True
        elif self.held and strata["HW4"].status is S.OPEN:
            self.world.once(self.release_id, C.EXTEND, "HW4")
        if strata["AI5"].status is S.HELD:
            self.world.once(self.release_id, C.ABORT, "AI5")

    def _settled(self) -> bool:
        """Whether every other release of the cycle has ended, and no device is in between."""
        others = {f"old-{self.number}": S.SUPERSEDED, f"wrong-{self.number}": S.REJECTED}
        found = self.world.book.releases
        return all(device.attempting is None for device in self.world.devices) and all(
            {stratum.status for stratum in found[name].strata.values()} == {status}
            for name, status in others.items()
        )
