"""The rules of an update attempt once more, slow and obvious: one device, one record at a time."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa

from schemas.records import AckState
from streams.processor import LogBatch
from streams.rollout.attempt_joining import Timeouts
from streams.rollout.outcomes import AttemptCounts
from tests.rollout_log import digest_of

TRIAL_BOOT = 5
COMMITTED = 6
FAILED = 8
ATTEMPTS = 3


class Told(NamedTuple):
    """What one acknowledgement says."""

    device_id: str
    hardware: str
    attempt: int
    state: AckState
    reason: str = ""
    digest: str | None = None
    release_id: str = "r1"
    slot: str = "UNKNOWN"


@dataclass
class Device:
    """One device of one release."""

    attempt: int = 0
    rank: int = 0
    accepted_us: int = 0
    trial_us: int | None = None
    lost: bool = False
    committed: bool = False
    slot: str = ""
    deferred: bool = False
    safety: bool = False
    rejected: set[int] = field(default_factory=set)

    def hear(self, ack: Told, rank: int, stamp_us: int, timeouts: Timeouts) -> bool:
        """Take note of an acknowledgement; whether it may be."""
        claim = _claim(ack)
        if claim and ack.attempt == self.attempt and self.slot not in ("", claim):
            return False
        self.deferred |= ack.state is AckState.DEFERRED
        self.safety |= ack.reason == "SAFETY"
        if ack.state is AckState.REJECTED:
            self.rejected.add(ack.attempt)
        again = ack.reason in ("DOWNLOAD_FAILED", "INTERRUPTED") and ack.attempt < ATTEMPTS
        self.lost |= rank == FAILED and not again
        if rank == 0 or ack.attempt < self.attempt:
            return True
        self.note_time(stamp_us, timeouts)
        if self.attempt == 0:
            self.accepted_us = stamp_us
        if ack.attempt > self.attempt:
            self.lost |= stamp_us > self.accepted_us + timeouts.commit_us
            self.attempt, self.rank, self.committed, self.slot = ack.attempt, 0, False, ""
            self.trial_us = None
        self.lost |= rank == FAILED and stamp_us > self.accepted_us + timeouts.commit_us
        self.slot = self.slot or claim
        self.committed |= rank == COMMITTED
        self.rank = max(self.rank, rank)
        if rank == TRIAL_BOOT and self.trial_us is None:
            self.trial_us = stamp_us
        return True

    def note_time(self, now_us: int, timeouts: Timeouts) -> None:
        """A device that is not final by now may be late."""
        final = self.rank in (0, COMMITTED, COMMITTED + 1)
        if not final and now_us > self.accepted_us + timeouts.commit_us:
            self.lost = True
        if self.rank == TRIAL_BOOT and now_us > (self.trial_us or 0) + timeouts.trial_us:
            self.lost = True

    def counts(self) -> AttemptCounts:
        """What it adds."""
        rejected = self.attempt in self.rejected and 0 < self.rank < COMMITTED
        failed = (self.rank == FAILED and self.lost) or rejected
        silent = self.lost and not failed
        again = self.rank == FAILED and not self.lost
        return AttemptCounts(
            offered=1,
            accepted=self.rank > 0,
            committed=self.committed and not (failed or silent or again),
            failed=failed,
            silent=silent,
            deferred=self.deferred,
            critical=self.safety,
            rolled_back=self.rank == COMMITTED + 1 or again,
        )


Devices: TypeAlias = dict[tuple[str, str, str], Device]


def heard(acks: Iterable[tuple[Told, int]], timeouts: Timeouts) -> tuple[Devices, list[int]]:
    """Devices by release, hardware and id, and the numbers of acknowledgements that cannot be."""
    devices: Devices = defaultdict(Device)
    refused = []
    for number, (ack, stamp_us) in enumerate(acks):
        device = devices[ack.release_id, ack.hardware, ack.device_id]
        if not device.hear(ack, _rank(ack), stamp_us, timeouts):
            refused.append(number)
    return devices, refused


def expected(
    acks: Iterable[tuple[Told, int]], *, timeouts: Timeouts, until_us: int
) -> dict[tuple[str, str], AttemptCounts]:
    """Counts by (release, stratum) of acknowledgements with their stamps, read up to a time."""
    devices, _ = heard(acks, timeouts)
    sums: dict[tuple[str, str], AttemptCounts] = {}
    for (release_id, hardware, _), device in devices.items():
        device.note_time(until_us, timeouts)
        before = sums.get((release_id, hardware), AttemptCounts())
        pairs = zip(before, device.counts(), strict=True)
        sums[release_id, hardware] = AttemptCounts(*(int(a + b) for a, b in pairs))
    return sums


def ack_batch(acks: list[tuple[Told, int]], first: int) -> LogBatch:
    """Acknowledgements as the columns that the fold reads."""
    told = [ack for ack, _ in acks]
    stamps = np.array([stamp for _, stamp in acks], np.int64)
    columns = {
        "device_id": [ack.device_id for ack in told],
        "hardware": [ack.hardware for ack in told],
        "release_id": [ack.release_id for ack in told],
        "attempt": pa.array([ack.attempt for ack in told], pa.int32()),
        "state": [ack.state.value for ack in told],
        "reason_code": [ack.reason for ack in told],
        "model_digest": pa.array([ack.digest for ack in told], pa.string()),
        "slot": [ack.slot for ack in told],
    }
    return LogBatch(
        topic="ota-acks",
        partition=0,
        rows=pa.RecordBatch.from_pydict(columns),
        offsets=np.arange(first, first + len(acks)),
        stamps_us=stamps,
        last_offset=first + len(acks) - 1,
        high_stamp_us=int(stamps.max()),
    )


def _rank(ack: Told) -> int:
    names = ("ACCEPTED", "DOWNLOADED", "VERIFIED", "INSTALLED", "TRIAL_BOOT", "COMMITTED")
    if ack.state in ("REVERTED", "INSTALL_FAILED"):
        if ack.reason != "ROLLBACK_ORDERED":
            return FAILED
        return 0 if ack.digest == digest_of(ack.release_id) else COMMITTED + 1
    if ack.state is AckState.COMMITTED and ack.digest != digest_of(ack.release_id):
        return TRIAL_BOOT
    return names.index(ack.state) + 1 if ack.state in names else 0


def _claim(ack: Told) -> str:
    """The slot in which a device says that the release runs; empty: it says none."""
    runs = ack.state in ("TRIAL_BOOT", "COMMITTED") and ack.digest == digest_of(ack.release_id)
    return ack.slot if runs and ack.slot != "UNKNOWN" else ""
