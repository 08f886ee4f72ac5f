"""Stage one's count of how the devices heard of spread over the arms of the wave that is open."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa

from schemas.cohorts import membership
from schemas.records import Arm
from streams.blobs import Blobs, Reading
from streams.turns import Ints


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


class Heard(NamedTuple):
    """Windows in log order.

    Attributes:
        numbers: int64[n], each window's device, numbered as they were first heard of.
        heard_before: int64[n], devices the partition had been heard of before each window.
        stamps_us: int64[n], broker's stamps.
    """

    numbers: Ints
    heard_before: Ints
    stamps_us: Ints

    def only(self, at: Ints) -> "Heard":
        """Some of the windows."""
        return Heard(*(column[at] for column in self))


@dataclass(slots=True)
class _Heard:
    """Who was heard of since an opening: a byte for each device of the partition.

    Attributes:
        known: Devices with a number below this had been heard of before the opening.
    """

    opening: Opening
    known: int
    flags: bytearray = field(default_factory=bytearray)
    candidates: int = 0
    control: int = 0

    def new(self, rows: Ints) -> list[int]:
        """Places in `rows` of known devices not heard of since; they are from now on."""
        short = int(rows.max()) + 1 - len(self.flags)
        if short > 0:
            self.flags.extend(bytes(short))
        flags = np.frombuffer(self.flags, np.uint8)
        unheard, first = np.unique(rows, return_index=True)
        fresh = (flags[unheard] == 0) & (unheard < self.known)
        flags[unheard[fresh]] = 1
        return [int(at) for at in first[fresh]]


class ArmCounts:
    """Devices by arm, each counted with its first window since the wave was opened.

    A device's place in the cohort order is drawn before the release does anything to it. So
    whoever is heard of first, and whichever model it runs, is a candidate with the chance of the
    wave's share; unless the release keeps its devices from reporting, or the order is not drawn
    as it should be. Only devices that had been heard of before the opening count: one that has
    no model yet reports once it is a candidate. An opening begins anew.
    """

    def __init__(self, openings: Openings) -> None:
        self._openings = openings
        self._heard: dict[str, _Heard] = {}
        self._due: dict[tuple[str, str, int], tuple[int, int]] = {}

    def count(self, stratum: str, devices: pa.Array, told: Heard) -> None:
        """Include windows of one stratum in log order, with the device id of each."""
        stamps_us = told.stamps_us
        openings = self._openings(stratum)
        stamps = np.array([opening.stamp_us for opening in openings], dtype=np.int64)
        latest = np.searchsorted(stamps, stamps_us, side="right") - 1
        for number in np.unique(latest[latest >= 0]).tolist():
            at = np.flatnonzero(latest == number)
            self._include(stratum, openings[number], devices, told, at)

    def changed(self) -> Iterator[ArmCell]:
        """Cells that changed since the last call, in a fixed order."""
        due, self._due = self._due, {}
        for place, (candidates, control) in sorted(due.items()):
            yield ArmCell(*place, Arm.CANDIDATE, candidates)
            yield ArmCell(*place, Arm.CONTROL, control)

    def state(self, blobs: Blobs) -> list[Any]:
        """State as JSON values, and who was heard of beside them."""
        heard = [
            [
                stratum,
                [*at.opening],
                at.known,
                blobs.put(bytes(at.flags)),
                at.candidates,
                at.control,
            ]
            for stratum, at in sorted(self._heard.items())
        ]
        return [heard, [[*place, *counts] for place, counts in sorted(self._due.items())]]

    def restore(self, state: list[Any], reading: Reading) -> None:
        """Go on from what `state` gave; the open waves' cells count as changed."""
        for stratum, opening, known, flags, candidates, control in state[0]:
            heard = bytearray(reading.get(flags))
            self._heard[stratum] = _Heard(Opening(*opening), known, heard, candidates, control)
            self._change(stratum, self._heard[stratum])
        for release, stratum, opened, candidates, control in state[1]:
            self._due[release, stratum, opened] = (candidates, control)

    def _include(
        self, stratum: str, opening: Opening, devices: pa.Array, told: Heard, at: Ints
    ) -> None:
        heard = self._heard.get(stratum)
        if heard is None or heard.opening.stamp_us < opening.stamp_us:
            known = int(told.heard_before[at[0]])
            heard = self._heard[stratum] = _Heard(opening, known)
        elif heard.opening != opening:
            return  # stamped before an opening that later windows were counted for
        for place in heard.new(told.numbers[at]):
            below = membership(opening.salt, devices[int(at[place])].as_py()) < opening.share
            heard.candidates += below
            heard.control += not below
            self._change(stratum, heard)

    def _change(self, stratum: str, heard: _Heard) -> None:
        place = (heard.opening.release_id, stratum, heard.opening.stamp_us)
        self._due[place] = (heard.candidates, heard.control)
