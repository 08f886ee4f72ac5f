"""What one device reports: how another tool keeps it, how we count it, and what our gate does."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from schemas.codec import newest_shape
from schemas.facts import Fact
from schemas.from_json import record_from
from schemas.records import AckState, DeviceClass
from schemas.registry import FileRegistry
from schemas.topics import OTA_ACKS
from streams.rollout.ack_fold import AckFold
from streams.rollout.batches import Batches
from streams.rollout.cells import CellCounts
from streams.rollout.made_keys import made_signer
from streams.rollout.made_records import made_digest, made_proposal
from streams.rollout.policy_faults import read_model
from streams.rollout.proposals import Proposal
from streams.rollout.published.judgement import POLICY, STRATUM, ours
from streams.rollout.simulation.counts import Counts
from streams.rollout.simulation.gate import Verdict
from streams.rollout.simulation.kept_status import aws_execution, mender_server
from streams.rollout.simulation.ours import PARENT, RELEASE, START_US

DEVICES: Final = 200
"""Of a wave in which every device goes the same way; so many good ones prove the ceiling."""
_STEP_US: Final = 60_000_000
_FOLDER: Final = Path(__file__).parent
_RUNS_IT: Final = frozenset({AckState.TRIAL_BOOT, AckState.COMMITTED})
_KEEPS: Final[Mapping[str, Callable[[Sequence[str]], str]]] = {
    "mender-server": mender_server,
    "aws": aws_execution,
}


class DeviceTrace(BaseModel):
    """One way that an update goes.

    Attributes:
        cases: Names of the tool's cases.
        what: What happens, in our words.
        told: What the tool hears, where its rule is restated.
        theirs: What the tool has of the device at the end.
        reports: Our acknowledgements: state, with a reason behind it or an attempt before it.
        counted: How our ledger counts the device once its time is over.
        ours: What our gate does when every device of a wave goes this way.
        worse: Whether theirs says more than ours.
        why: One line: why ours is the same, or another.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    cases: str
    what: str
    told: tuple[str, ...] = ()
    theirs: str
    reports: tuple[str, ...]
    counted: str
    ours: Verdict
    worse: bool = False
    why: str


class DeviceTraces(BaseModel):
    """The traces of one tool; `keeps`: the restated rule that `theirs` is computed by."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    source: str
    keeps: Literal["mender-server", "aws"] | None = None
    rows: tuple[DeviceTrace, ...]

    def kept(self, row: DeviceTrace) -> str:
        """What the tool has of the device at the end."""
        return row.theirs if self.keeps is None else _KEEPS[self.keeps](row.told)


def device_traces() -> Sequence[DeviceTraces]:
    """The traces of every tool."""
    return [
        read_model(path, DeviceTraces, unreadable="it comes with the project")
        for path in sorted(_FOLDER.glob("*.devices.yaml"))
    ]


@cache
def counts_of(reports: tuple[str, ...]) -> CellCounts:
    """What the production fold counts of one device, read past its time."""
    release = made_proposal(
        RELEASE, signer=made_signer("trainer"), decided_ts=START_US, strata=(STRATUM,)
    )
    fold = AckFold(POLICY, lambda name: Proposal(release, START_US) if name == RELEASE else None)
    fold.apply(Batches().of([_ack(number, told) for number, told in enumerate(reports)]))
    fold.advance(START_US + round(2 * POLICY.commit_timeout_s * 1e6))
    return fold.cells.counts[RELEASE, STRATUM]


def counted(reports: tuple[str, ...]) -> str:
    """The same in a word."""
    counts = counts_of(reports)
    words = {
        "committed": counts.committed,
        "failed": counts.failed,
        "silent": counts.silent,
        "back by order": counts.rolled_back,
    }
    found = [word for word, devices in words.items() if devices]
    return ", ".join(found) or ("undecided" if counts.accepted else "no evidence")


def judged(reports: tuple[str, ...]) -> Verdict:
    """What the production gate does when every device of a wave reports the same."""
    one = counts_of(reports)
    each = (one.accepted, one.committed, one.failed, one.silent)
    return ours(DEVICES, Counts(*(DEVICES * devices for devices in each)))


def _ack(number: int, told: str) -> Fact:
    words = told.split()
    attempt = int(words.pop(0)) if words[0].isdigit() else 1
    state = AckState(words[0])
    runs = RELEASE if state in _RUNS_IT else PARENT
    value = {
        "event_id": f"device/1/{number}",
        "source": "simulated",
        "device_id": "device",
        "device_class": DeviceClass.VEHICLE.value,
        "hardware": STRATUM,
        "release_id": RELEASE,
        "attempt": attempt,
        "seq": number,
        "state": state.value,
        "reason_code": words[1] if len(words) > 1 else "",
        "model_digest": made_digest(runs),
    }
    at_us = START_US + (number + 1) * _STEP_US
    record = record_from(newest_shape(FileRegistry(), OTA_ACKS), value)
    return Fact(topic=OTA_ACKS.name, partition=0, offset=number, stamp_us=at_us, record=record)
