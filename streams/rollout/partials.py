"""rollout-partials: what stage one hands to stage two, cumulative and repeatable."""

import dataclasses
import hashlib
from typing import Any, Final

from schemas.records import Arm, PartialKind, RolloutPartial, ShadowSlice
from schemas.topics import INFERENCE_EVENTS
from streams.processor import Position, Source
from streams.rollout.arms import ArmCell
from streams.rollout.cells import CellCounts, CellKey
from streams.rollout.fleet_fold import NO_RELEASE

MILLIMETRES: Final = 1_000
"""Distances are counted in whole millimetres and told in metres."""
_NOTHING: Final = CellCounts()


@dataclasses.dataclass(frozen=True, slots=True)
class Telling:
    """Who tells, and how far it has read.

    Attributes:
        source: Partition that was counted.
        ingest_ts: Ingest time up to which it was read, microseconds.
    """

    source: Source
    position: Position
    ingest_ts: int
    watermark: int

    def cell(self, key: CellKey, counts: CellCounts) -> RolloutPartial:
        """The running counts of one release in one stratum."""
        return self._partial(key, Arm.CANDIDATE, None, counts)

    def window(self, key: CellKey, start: int, count: int, target: int) -> RolloutPartial:
        """The running count of a calendar window: distance in millimetres, or events.

        For every partition of rollout-partials, since the next release may be judged in another.
        Whether it is candidate or control is for its reader to say: every release is the one in
        its own rollout and the other in that of the next.
        """
        driven = self.source[0] == INFERENCE_EVENTS.name
        counts = CellCounts(exposure_m=count / MILLIMETRES) if driven else CellCounts(events=count)
        return self._partial(key, Arm.UNKNOWN, start, counts, target)

    def fleet(self, stratum: str, devices: int, target: int) -> RolloutPartial:
        """How many devices there are of a hardware, for one partition of rollout-partials."""
        counts = CellCounts(offered=devices)
        return self._partial((NO_RELEASE, stratum), Arm.UNKNOWN, None, counts, target)

    def arm(self, cell: ArmCell) -> RolloutPartial:
        """The running count of devices of one arm since a wave was opened."""
        key, counts = (cell.release_id, cell.stratum), CellCounts(offered=cell.devices)
        return self._partial(key, cell.arm, cell.opened_us, counts)

    def progress(self, target: int) -> RolloutPartial:
        """How far the source was read, for one partition of rollout-partials."""
        return self._partial(("", f"{target}"), Arm.UNKNOWN, None, None)

    def _partial(
        self,
        key: CellKey,
        arm: Arm,
        start: int | None,
        counts: CellCounts | None,
        target: int | None = None,
    ) -> RolloutPartial:
        (topic, partition), position = self.source, self.position
        offset = position.applied_through
        told = (position.generation, topic, partition, *key, offset, self.ingest_ts)
        whole = start is None and target is None
        parts = told if whole else (*told, arm, start, target)
        identity = "\n".join(str(part) for part in parts)
        return RolloutPartial(
            event_id=hashlib.sha256(identity.encode()).hexdigest(),
            source="live",
            kind=PartialKind.PROGRESS if counts is None else PartialKind.CELL,
            generation=position.generation,
            ingest_ts=self.ingest_ts,
            source_topic=topic,
            source_partition=partition,
            last_offset=offset,
            watermark=self.watermark,
            release_id=key[0],
            stratum="" if counts is None else key[1],
            arm=arm,
            window_start=start,
            **_fields(counts or _NOTHING),
        )


def _fields(counts: CellCounts) -> dict[str, Any]:
    slices = tuple(
        ShadowSlice(slice=name, encounters=encounters, differing=differing)
        for name, (encounters, differing) in sorted(counts.shadow_slices.items())
    )
    return {**dataclasses.asdict(counts), "shadow_slices": slices}
