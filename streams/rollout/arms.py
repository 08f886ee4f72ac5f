"""Stage one's count of how the devices heard of spread over the arms of the wave that is open."""

import base64
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from schemas.cohorts import membership
from schemas.records import Arm

Ints = npt.NDArray[np.int64]


class Opening(NamedTuple):
    """A wave as it was opened or widened in a stratum.

    Attributes:
        stamp_us: Broker's stamp of the decision.
        share: Cumulative share of the stratum: who is below it is a candidate.
    """

    stamp_us: int
    release_id: str
    salt: str
    share: float


Openings: TypeAlias = Callable[[str], Sequence[Opening]]
"""Openings of all releases in a stratum so far, in log order."""


class ArmCell(NamedTuple):
    """Devices of one arm heard of since an opening."""

    release_id: str
    stratum: str
    opened_us: int
    arm: Arm
    devices: int


@dataclass(slots=True)
class _Heard:
    """Who was heard of since an opening: a byte for each device of the partition."""

    opening: Opening
    flags: bytearray = field(default_factory=bytearray)
    candidates: int = 0
    control: int = 0

    def new(self, rows: Ints) -> list[int]:
        """Places in `rows` of devices not heard of before; they are from now on."""
        short = int(rows.max()) + 1 - len(self.flags)
        if short > 0:
            self.flags.extend(bytes(short))
        flags = np.frombuffer(self.flags, np.uint8)
        unheard, first = np.unique(rows, return_index=True)
        fresh = flags[unheard] == 0
        flags[unheard[fresh]] = 1
        return [int(at) for at in first[fresh]]


class ArmCounts:
    """Devices by arm, each counted with its first window since the wave was opened.

    A device's place in the cohort order is drawn before the release does anything to it. So
    whoever is heard of first, and whichever model it runs, is a candidate with the chance of the
    wave's share; unless the release keeps its devices from reporting, or the order is not drawn
    as it should be. An opening begins anew: the same devices are then heard again.
    """

    def __init__(self, openings: Openings) -> None:
        self._openings = openings
        self._heard: dict[str, _Heard] = {}
        self._due: dict[tuple[str, str, int], tuple[int, int]] = {}

    def count(self, stratum: str, devices: Sequence[str], rows: Ints, stamps_us: Ints) -> None:
        """Include windows of one stratum in log order.

        Args:
            stratum: Their hardware generation.
            devices: Device of each window.
            rows: Number of each window's device, the same for ever.
            stamps_us: Broker's stamp of each window.
        """
        openings = self._openings(stratum)
        stamps = np.array([opening.stamp_us for opening in openings], dtype=np.int64)
        latest = np.searchsorted(stamps, stamps_us, side="right") - 1
        for number in np.unique(latest[latest >= 0]).tolist():
            at = np.flatnonzero(latest == number)
            self._include(stratum, openings[number], devices, rows, at)

    def changed(self) -> Iterator[ArmCell]:
        """Cells that changed since the last call, in a fixed order."""
        due, self._due = self._due, {}
        for place, (candidates, control) in sorted(due.items()):
            yield ArmCell(*place, Arm.CANDIDATE, candidates)
            yield ArmCell(*place, Arm.CONTROL, control)

    def state(self) -> list[Any]:
        """State as JSON values."""
        heard = [
            [stratum, [*at.opening], base64.b64encode(at.flags).decode(), at.candidates, at.control]
            for stratum, at in sorted(self._heard.items())
        ]
        return [heard, [[*place, *counts] for place, counts in sorted(self._due.items())]]

    def restore(self, state: list[Any]) -> None:
        """Go on from what `state` gave; the open waves' cells count as changed."""
        for stratum, opening, flags, candidates, control in state[0]:
            known = bytearray(base64.b64decode(flags))
            self._heard[stratum] = _Heard(Opening(*opening), known, candidates, control)
            self._change(stratum, self._heard[stratum])
        for release, stratum, opened, candidates, control in state[1]:
            self._due[release, stratum, opened] = (candidates, control)

    def _include(
        self, stratum: str, opening: Opening, devices: Sequence[str], rows: Ints, at: Ints
    ) -> None:
        heard = self._heard.get(stratum)
        if heard is None or heard.opening.stamp_us < opening.stamp_us:
            heard = self._heard[stratum] = _Heard(opening)
        elif heard.opening != opening:
            return  # stamped before an opening that later windows were counted for
        for place in heard.new(rows[at]):
            below = membership(opening.salt, devices[int(at[place])]) < opening.share
            heard.candidates += below
            heard.control += not below
            self._change(stratum, heard)

    def _change(self, stratum: str, heard: _Heard) -> None:
        place = (heard.opening.release_id, stratum, heard.opening.stamp_us)
        self._due[place] = (heard.candidates, heard.control)
