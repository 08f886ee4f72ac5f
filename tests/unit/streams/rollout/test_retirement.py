"""Releases that are history: when, what becomes of their devices, and of late acknowledgements."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.facts import Fact
from schemas.records import AckState as A
from schemas.records import CommandKind
from schemas.records import ReleaseKind as K
from schemas.topics import INFERENCE_EVENTS, MODEL_RELEASES, OTA_ACKS
from streams.rollout.ack_fold import AckFold
from streams.rollout.ledger import Ledger
from streams.rollout.policy import Policy
from streams.rollout.window_fold import WindowFold
from tests.rollout_desk import POLICY as DESK_POLICY
from tests.rollout_desk import Desk
from tests.rollout_log import KEYRING, SECOND, Log, follow
from tests.unit.streams.rollout.test_folds import ack, batch, window

MONITOR_S = 30.0
POLICY = Policy(monitor_s=MONITOR_S, commit_timeout_s=1_000.0, windows_over=2, windows_judged=3)


def read(log: Log, until_us: int | None = None) -> Ledger:
    """The ledger of a log, or of what it holds up to a stamp."""
    ledger = Ledger(KEYRING, MONITOR_S)
    for offset, (record, stamp) in enumerate(log.records):
        if until_us is None or stamp <= until_us:
            fact = Fact(
                topic=MODEL_RELEASES.name, partition=0, offset=offset, stamp_us=stamp, record=record
            )
            ledger.observe([fact])
    return ledger


def line(*releases: str) -> Log:
    """Releases that follow one another, each completed."""
    log, parent = Log(), None
    for counter, release_id in enumerate(releases, 1):
        log.completed(release_id, parent_release_id=parent, counter=counter)
        parent = release_id
    return log


def test_of_a_line_the_live_release_and_its_way_back_stay() -> None:
    log = line("r1", "r2", "r3", "r4")
    ledger, views = read(log), log.book.releases
    third, fourth = (views[name].strata["HW3"].completed_us or 0 for name in ("r3", "r4"))
    assert ledger.retired_us("r1") == third + MONITOR_S * SECOND
    assert ledger.retired_us("r2") == fourth + MONITOR_S * SECOND
    assert (ledger.retired_us("r3"), ledger.retired_us("r4")) == (None, None)
    assert ledger.retired_us("never proposed") is None


def test_a_newer_release_must_be_completed_in_each_stratum_and_stay() -> None:
    log = line("r1", "r2")
    log.opened("r3", 1.0, parent_release_id="r2", counter=3)
    assert read(log).retired_us("r1") is None
    for stratum in ("HW3", "HW4"):
        log.must("r3", K.COMPLETED, stratum=stratum)
    assert read(log).retired_us("r1") is None
    log.must("r3", K.COMPLETED, stratum="AI5")
    assert read(log).retired_us("r1") == log.now + MONITOR_S * SECOND
    back = {"rollback_to_release_id": "r2", "rollback_to_digest": log.book.releases["r2"].digest}
    log.must("r3", K.ROLLBACK_ORDERED, stratum="HW3", **back)
    assert read(log).retired_us("r1") is None


def test_what_nobody_goes_back_from_any_more_keeps_nothing() -> None:
    log = line("r1", "r2", "r3")
    log.opened("r4", 1.0, parent_release_id="r1", counter=4)
    assert read(log).retired_us("r1") is None, "an open release would go back to it"
    back = {"rollback_to_release_id": "r1", "rollback_to_digest": log.book.releases["r1"].digest}
    log.must("r4", K.ROLLBACK_ORDERED, **back)
    log.must("r4", K.ROLLBACK_DONE)
    assert read(log).retired_us("r1") == max(
        log.now, (log.book.releases["r3"].strata["HW3"].completed_us or 0) + MONITOR_S * SECOND
    )


KINDS = st.sampled_from(["complete", "open", "back", "done", "reject", "wait"])


@given(st.lists(st.tuples(KINDS, st.integers(0, 4), st.integers(0, 20)), max_size=25))
@settings(max_examples=60, deadline=None)
def test_what_was_told_of_a_stamp_stands_whatever_is_decided_later(
    steps: list[tuple[str, int, int]],
) -> None:
    """The folds read a batch when decisions up to its newest record are known, maybe more."""
    log = Log()
    for kind, number, seconds in steps:
        log.now += seconds * SECOND
        _step(log, kind, f"r{number}")
    whole = read(log)
    names = list(log.book.releases)
    for _, stamp in log.records:
        known = read(log, stamp)
        for name in names:
            final, then = whole.retired_us(name), known.retired_us(name)
            assert (final is not None and final <= stamp) == (then is not None and then <= stamp)


def _step(log: Log, kind: str, release_id: str) -> None:
    """Write what may or may not count."""
    completed = [name for name, at in log.book.releases.items() if at.strata["HW3"].completed_us]
    if release_id not in log.book.releases:
        parent = completed[-1] if completed else None
        counter = len(log.book.releases) + 1
        log.opened(release_id, parent_release_id=parent, counter=counter)
        log.decide(release_id, K.WAVE_OPENED, wave=0, share=1.0)
    view = log.book.releases[release_id]
    to = log.book.parent(view)
    back: dict[str, Any] = (
        {"rollback_to_release_id": to[0], "rollback_to_digest": to[1]} if to else {}
    )
    match kind:
        case "complete":
            log.decide(release_id, K.COMPLETED)
        case "back":
            log.decide(release_id, K.ROLLBACK_ORDERED, **back)
        case "done":
            log.decide(release_id, K.ROLLBACK_DONE)
        case "reject":
            log.decide(release_id, K.ABORTED)


class Fleet:
    """Both folds of r1's devices, read as the runtime does."""

    def __init__(self, log: Log) -> None:
        self.log, self.ledger = log, read(log)
        ledger = self.ledger
        self.acks = AckFold(POLICY, ledger.proposal, None, ledger)
        self.windows = WindowFold(
            POLICY, ledger.proposal, ledger.openings, ledger.shadow, None, ledger.retired_us
        )
        self.first = 0

    def restart(self) -> None:
        """From checkpoints, with the decisions read anew."""
        ledger = self.ledger
        self.acks = AckFold(POLICY, ledger.proposal, self.acks.snapshot(), ledger)
        told = (ledger.proposal, ledger.openings, ledger.shadow)
        snapshot = self.windows.snapshot()
        self.windows = WindowFold(POLICY, *told, snapshot, ledger.retired_us)

    def tell(self, at_us: int, *acks: Any) -> None:
        self.acks.apply(batch(OTA_ACKS, acks, first=self.first, stamp=at_us))
        self.first += len(acks)
        self.acks.advance(at_us)

    def drive(self, at_us: int, *windows: Any) -> None:
        self.windows.apply(batch(INFERENCE_EVENTS, windows, first=self.first, stamp=at_us))
        self.first += len(windows)

    @property
    def kept(self) -> tuple[int, int]:
        """Bytes of the snapshots of acks and of windows."""
        return len(self.acks.snapshot()), len(self.windows.snapshot())


def settled(*, restarts: bool) -> tuple[Fleet, tuple[int, int], int]:
    """A fleet of r1 whose release becomes history, read up to the moment before and after."""
    log = line("r1", "r2", "r3")
    fleet = Fleet(log)
    began = log.book.releases["r1"].strata["HW3"].since_us
    retired = fleet.ledger.retired_us("r1")
    assert retired is not None
    names = [f"device-{number:04}" for number in range(500)]
    fleet.tell(began, *(ack(name, A.ACCEPTED) for name in names))
    fleet.tell(began, *(ack(name, A.COMMITTED, seq=2) for name in names[:499]))
    fleet.drive(began, *(window(name, 1, late=0) for name in names))
    before = fleet.kept
    if restarts:
        fleet.restart()
    fleet.tell(retired - 1, ack("device-0000", A.REVERTED, seq=3, reason_code="SLOT_DAMAGED"))
    fleet.drive(retired, window("device-0001", 2, late=4))
    fleet.tell(retired, ack("device-0002", A.REVERTED, seq=3, reason_code="SLOT_DAMAGED"))
    if restarts:
        fleet.restart()
    return fleet, before, retired


def test_the_memory_of_devices_returns_and_their_counts_stay() -> None:
    fleet, before, retired = settled(restarts=False)
    acks, windows = fleet.kept
    assert acks < 1_000 < before[0]
    assert before[1] - windows >= 3 * 500 - 100, "three bytes a device; who reports is still known"
    counts = fleet.acks.cells.counts["r1", "HW3"]
    assert (counts.accepted, counts.committed, counts.failed) == (500, 498, 1)
    (letter,) = fleet.acks.refused()
    assert (letter.offset, letter.field) == (fleet.first - 1, "release_id")
    assert letter.reason.startswith("release r1 is history: newer ones have been completed")
    fleet.tell(retired + 2_000 * SECOND, ack("device-0003", A.ACCEPTED, attempt=2))
    assert fleet.acks.cells.counts["r1", "HW3"].silent == 0, "nobody falls silent in history"
    assert fleet.acks.due_us is None
    assert len(fleet.acks.refused()) == 1


def test_windows_of_history_judge_nobody_and_their_distance_still_counts() -> None:
    fleet, _, retired = settled(restarts=False)
    cell = fleet.windows.cells.counts["r1", "HW3"]
    judged, driven = (cell.accepted, cell.windows_judged), cell.exposure_m
    fleet.drive(retired + SECOND, *(window(f"device-{n:04}", 3, late=4) for n in range(10)))
    assert (cell.accepted, cell.windows_judged) == judged == (500, 500)
    assert cell.exposure_m == driven + 100.0


def test_a_restart_gives_the_same() -> None:
    plain, again = settled(restarts=False)[0], settled(restarts=True)[0]
    assert plain.acks.snapshot() == again.acks.snapshot()
    assert plain.windows.cells.state() == again.windows.cells.state()
    assert plain.kept[0] == again.kept[0]


def test_nobody_is_ordered_back_from_history() -> None:
    desk = Desk(DESK_POLICY)
    for counter, (name, parent) in enumerate((("r1", None), ("r2", "r1"), ("r3", "r2")), 1):
        desk.started(name, counter=counter, parent_release_id=parent)
        for kind in (K.WAVE_OPENED, K.WAVE_OPENED, K.COMPLETED):
            _advance(desk, name, kind)
    desk.order(CommandKind.ROLLBACK, "r1")
    desk.wait(DESK_POLICY.monitor_s + 1)
    assert desk.turn() == []
    assert desk.status("HW3", "r1") == "COMPLETED"
    desk.order(CommandKind.ROLLBACK, "r3")
    assert desk.turn() == ["ROLLBACK_ORDERED all"]


def _advance(desk: Desk, release_id: str, kind: K) -> None:
    view = desk.book.releases[release_id]
    wave = (view.strata["HW3"].wave or 0) + 1
    opened = kind is K.WAVE_OPENED
    changes: dict[str, Any] = {"wave": wave, "share": DESK_POLICY.waves[wave]} if opened else {}
    desk.write(follow(view.proposal, kind, view.next_seq, **changes))
