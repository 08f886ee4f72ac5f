"""How the devices heard of since an opening spread over its arms, in both stages."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pyarrow as pa

from schemas.cohorts import membership
from schemas.records import Arm
from schemas.topics import INFERENCE_EVENTS, OTA_ACKS
from streams.blobs import Blobs, Reading
from streams.rollout.arm_tally import ArmTally
from streams.rollout.arms import ArmCell, ArmCounts, Heard, Opening

FIRST: Final = Opening(100, "r2", "salt", 0.25)
SECOND: Final = Opening(200, "r2", "salt", 0.5)
DEVICES: Final = [f"d{number}" for number in range(40)]
KEY: Final = ("r2", "HW3")


def hears(counts: ArmCounts, devices: Sequence[str], stamp: int, known: int = 40) -> None:
    """Windows of devices, of which those numbered below `known` were heard of before."""
    numbers = np.array([int(name[1:]) for name in devices], dtype=np.int64)
    stamps = np.full(len(devices), stamp, dtype=np.int64)
    counts.count("HW3", pa.array(devices), Heard(numbers, np.full_like(stamps, known), stamps))


def below(share: float, devices: Sequence[str]) -> int:
    return sum(membership("salt", name) < share for name in devices)


def cells(opening: Opening, devices: Sequence[str]) -> list[ArmCell]:
    inside = below(opening.share, devices)
    return [
        ArmCell("r2", "HW3", opening.stamp_us, Arm.CANDIDATE, inside),
        ArmCell("r2", "HW3", opening.stamp_us, Arm.CONTROL, len(devices) - inside),
    ]


def test_each_device_counts_once_for_each_opening_in_the_arm_of_its_place() -> None:
    counts = ArmCounts(lambda _: [FIRST, SECOND])
    hears(counts, DEVICES, 99)
    assert list(counts.changed()) == [], "stamped before the wave was opened"
    hears(counts, DEVICES[:30], 100)
    hears(counts, [*DEVICES[:30], *DEVICES[:30]], 150)
    assert list(counts.changed()) == cells(FIRST, DEVICES[:30])
    assert list(counts.changed()) == []
    hears(counts, DEVICES[20:], 200)
    assert list(counts.changed()) == cells(SECOND, DEVICES[20:])


def test_one_batch_may_cross_an_opening() -> None:
    counts = ArmCounts(lambda _: [FIRST, SECOND])
    numbers = np.arange(40, dtype=np.int64)
    stamps = np.where(numbers < 25, 150, 250)
    counts.count("HW3", pa.array(DEVICES), Heard(numbers, np.full_like(stamps, 40), stamps))
    assert list(counts.changed()) == [*cells(FIRST, DEVICES[:25]), *cells(SECOND, DEVICES[25:])]


def test_a_stratum_without_a_wave_counts_nobody() -> None:
    counts = ArmCounts(lambda _: [])
    hears(counts, DEVICES, 300)
    assert list(counts.changed()) == []
    assert counts.state(Blobs()) == [[], []]


def test_who_was_never_heard_of_before_the_opening_is_no_evidence() -> None:
    # Devices without a model report once they are candidates: they would all be candidates.
    counts = ArmCounts(lambda _: [FIRST])
    hears(counts, DEVICES[:30], 110, known=20)
    hears(counts, DEVICES[:30], 120, known=30)
    assert list(counts.changed()) == cells(FIRST, DEVICES[:20])


def test_it_goes_on_from_its_state_and_tells_again_what_is_open() -> None:
    counts = ArmCounts(lambda _: [FIRST])
    hears(counts, DEVICES[:10], 120)
    again = ArmCounts(lambda _: [FIRST])
    blobs = Blobs()
    again.restore(counts.state(blobs), Reading(blobs.pack(None)))
    assert again.state(Blobs()) == counts.state(Blobs())
    hears(again, DEVICES[5:15], 130)
    assert list(again.changed()) == cells(FIRST, DEVICES[:15])


def test_stage_two_sums_over_partitions_and_keeps_the_furthest() -> None:
    tally = ArmTally()
    for partition, arm, cell in [
        (0, Arm.CANDIDATE, (10, 5, 3)),
        (0, Arm.CANDIDATE, (8, 9, 2)),
        (1, Arm.CANDIDATE, (1, 1, 4)),
        (0, Arm.CONTROL, (10, 5, 11)),
    ]:
        tally.include((INFERENCE_EVENTS.name, partition), KEY, 100, arm, cell)
    assert tally.counts(KEY, 100) == (7, 11)
    assert tally.counts(KEY, 200) == (0, 0)
    again = ArmTally()
    again.restore(tally.state())
    assert again.counts(KEY, 100) == (7, 11)
    assert (again.kept, again.state()) == (tally.kept, tally.state())
    assert OTA_ACKS.name not in str(again.state())
