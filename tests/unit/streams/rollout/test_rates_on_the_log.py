"""Rates through both stages: windows on the log, the parent in another partition, a verdict."""

from typing import Final

import pytest

from infra.cli import release_evidence
from infra.settings import Settings
from schemas.facts import Fact
from schemas.records import CommandKind, ReleaseKind
from schemas.topics import (
    DISENGAGEMENTS,
    EDGE_CASES,
    INFERENCE_EVENTS,
    MODEL_RELEASES,
    ROLLOUT_COMMANDS,
    ROLLOUT_PARTIALS,
)
from streams.rollout.memory_logs import MemoryLogs
from streams.rollout.partitioning import partition_of
from streams.rollout.policy import Policy
from streams.rollout.rules import MetricRules, RateRule
from tests import factories
from tests.rollout_log import SECOND, START, command, proposal
from tests.rollout_world import Worker

POLICY: Final = Policy(
    metrics=MetricRules(disengagements=RateRule(), edge_cases=RateRule()),
    rate_window_s=10,
    lateness_s=5,
    soak_s=3_600,
    soak_km=0.0,
    progress_s=0.5,
)
WINDOW_US: Final = 10 * SECOND
DEVICES: Final = 12


class Drive:
    """Twelve devices on r4 and as many on its parent r2; one gate, which may be replaced."""

    def __init__(self) -> None:
        self.logs = MemoryLogs(START)
        for release_id, counter, parent in (("r2", 1, None), ("r4", 2, "r2")):
            told = proposal(release_id, counter=counter, parent_release_id=parent, strata=("HW3",))
            self.logs.append(MODEL_RELEASES, told)
        approval = command("r4", CommandKind.APPROVE, at=START)
        self.logs.append(ROLLOUT_COMMANDS, approval)
        self.gate = Worker(self.logs, POLICY)
        self.windows = 0
        self.events = 0

    def window(self, eventful: int, *, late_us: int = 0) -> None:
        """All drive a kilometre; so many devices on r4 disengage three times, on r2 one does."""
        start = self.logs.now - self.logs.now % WINDOW_US
        self.logs.now = start + WINDOW_US - SECOND
        self.windows += 1
        for number in range(2 * DEVICES):
            release_id = "r4" if number < DEVICES else "r2"
            window = factories.inference_event(
                event_id=f"d{number}/1/{self.windows}",
                device_id=f"d{number}",
                release_id=release_id,
                window_start=start + SECOND,
                window_end=start + 2 * SECOND,
                distance_m=1_000.0,
            )
            self.logs.append(INFERENCE_EVENTS, window)
        self.logs.now += late_us
        for number in [*range(eventful), DEVICES]:
            for _ in range(3):
                self._disengage(number, start + SECOND)
        self.logs.now = max(self.logs.now, start + WINDOW_US + SECOND)
        self.turn()

    def turn(self) -> None:
        """Count and decide until nothing more is said."""
        while said := self.gate.run():
            for one in said:
                self.logs.append(one.topic, one.record, one.partition)
            self.logs.now += SECOND // 2
            if not any(one.topic is MODEL_RELEASES for one in said):
                break

    def reasons(self) -> list[str]:
        """Why r4 was ordered back."""
        return [
            record.reason
            for record in self.logs.of(MODEL_RELEASES)
            if record.kind is ReleaseKind.ROLLBACK_ORDERED
        ]

    def _disengage(self, number: int, at_us: int) -> None:
        self.events += 1
        event = factories.disengagement(
            event_id=f"d{number}/1/{self.events}",
            device_id=f"d{number}",
            release_id="r4" if number < DEVICES else "r2",
            event_ts=at_us,
        )
        self.logs.append(DISENGAGEMENTS, event)


def test_a_rate_beyond_the_parents_is_ordered_back_though_the_parent_is_counted_elsewhere() -> None:
    assert partition_of("r2", 2) != partition_of("r4", 2), "the case this is about"
    drive = Drive()
    for _ in range(30):
        drive.window(eventful=6)
        if drive.reasons():
            break
    (reason,) = drive.reasons()
    assert "disengagements" in reason
    assert "6 times the parent's rate" in reason, "three events of a device in a window are one"


@pytest.mark.parametrize("restart", [False, True])
def test_the_same_rate_is_no_harm_whatever_restarts(restart: bool) -> None:
    drive = Drive()
    for number in range(16):
        drive.window(eventful=1)
        if restart and number % 7 == 3:
            drive.gate = Worker(drive.logs, POLICY, drive.gate.save())
    assert drive.reasons() == []


def test_what_comes_late_on_one_side_raises_no_alarm() -> None:
    # Events of r4 and of r2 alike come when their windows are over and read.
    drive = Drive()
    for _ in range(12):
        drive.window(eventful=10, late_us=WINDOW_US)
    assert drive.reasons() == []
    late = [told for told in drive.gate.processor.tallies() if told.value]
    assert {told.labels["topic"] for told in late} == {DISENGAGEMENTS.name}
    assert sum(told.value for told in late) == drive.events, "and it is told how much was late"


def test_a_gate_that_reads_the_log_again_says_the_same() -> None:
    drive = Drive()
    for _ in range(30):
        drive.window(eventful=6)
        if drive.reasons():
            break
    again = Worker(drive.logs, POLICY)
    told = {
        (one.record.event_id, one.partition)
        for one in again.run()
        if one.topic is ROLLOUT_PARTIALS and one.record.window_start is not None
    }
    assert told, "the windows that stage one counted are handed on by a new one too"
    assert again.book.releases == drive.gate.book.releases
    assert EDGE_CASES in again.processor.batched


def test_the_explanation_counts_what_the_gate_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    drive = Drive()
    for _ in range(16):
        drive.window(eventful=2)
    facts = [
        Fact(topic=topic, partition=partition, offset=offset, stamp_us=stamp, record=record)
        for (topic, partition), log in drive.logs.records.items()
        for offset, (stamp, record) in enumerate(log)
        if topic == ROLLOUT_PARTIALS.name
    ]
    monkeypatch.setattr(release_evidence, "read_whole", lambda *_: facts)
    monkeypatch.setattr(release_evidence, "load_policy", lambda _: POLICY)
    book = drive.gate.book
    rows = release_evidence.explained(Settings(), book, book.releases["r4"])
    told = {row["test"]: row for row in rows}["disengagements"]
    # The last window is over, and not yet read past its lateness.
    assert (told["events"], told["control_events"]) == (2 * 15, 15)
    assert (told["km"], told["control_km"]) == (15.0 * DEVICES, 15.0 * DEVICES)
