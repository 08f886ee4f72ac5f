"""Stage one over batches of real columns."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from schemas.codec import Codec
from schemas.columns import ColumnDecoder
from schemas.records import AckState as A
from schemas.registry import FileRegistry
from schemas.topics import DISENGAGEMENTS, INFERENCE_EVENTS, OTA_ACKS, TopicSpec
from streams.processor import LogBatch
from streams.rollout import cells
from streams.rollout.ack_fold import AckFold
from streams.rollout.arms import Opening
from streams.rollout.cells import CellLimitError, Cells
from streams.rollout.event_fold import EventFold
from streams.rollout.policy import Policy
from streams.rollout.proposals import Proposal
from streams.rollout.refusals import dead_letter
from streams.rollout.window_fold import WindowFold
from tests import factories
from tests.rollout_log import SECOND, START, digest_of, proposal

REGISTRY = FileRegistry()
CODEC = Codec(REGISTRY)
POLICY = Policy(commit_timeout_s=10.0, slo_share=0.25, windows_over=2, windows_judged=3)
R1 = Proposal(proposal("r1", strata=("HW3", "HW4")), START)


def proposals(release_id: str) -> Proposal | None:
    return R1 if release_id == "r1" else None


def openings(_: str) -> Sequence[Opening]:
    return ()


def batch(
    spec: TopicSpec, records: Sequence[Any], *, first: int = 0, stamp: int = START
) -> LogBatch:
    columns = ColumnDecoder(REGISTRY).decode(spec, [CODEC.encode(spec, one) for one in records])
    assert not columns.refusals
    return LogBatch(
        topic=spec.name,
        partition=0,
        rows=columns.rows,
        offsets=np.arange(first, first + len(records)),
        stamps_us=np.full(len(records), stamp, dtype=np.int64),
        last_offset=first + len(records) - 1,
        high_stamp_us=stamp,
    )


def ack(device: str, state: A, **changes: Any) -> Any:
    fields = {"device_id": device, "release_id": "r1", "model_digest": digest_of("r1")}
    return factories.ota_ack(**{**fields, "state": state, **changes})


def window(device: str, number: int, late: int, **changes: Any) -> Any:
    fields = {
        "event_id": f"{device}/1/{number}",
        "device_id": device,
        "release_id": "r1",
        "expected": 4,
        "produced": 4,
        "warmup": 0,
        "late": late,
        "distance_m": 10.0,
        "latency": factories.latency_histogram(4),
    }
    return factories.inference_event(**{**fields, **changes})


def test_acks_are_counted_by_release_and_stratum() -> None:
    fold = AckFold(POLICY, proposals)
    acks = [
        ack("a", A.COMMITTED),
        ack("b", A.INSTALL_FAILED),
        ack("c", A.ACCEPTED, hardware="HW4"),
    ]
    fold.apply(batch(OTA_ACKS, acks))
    found = fold.cells.counts
    assert (found["r1", "HW3"].accepted, found["r1", "HW3"].failed) == (2, 1)
    assert found["r1", "HW4"].accepted == 1
    assert fold.watermark_us == START


def test_only_changed_cells_are_handed_on_and_all_after_a_restore() -> None:
    fold = AckFold(POLICY, proposals)
    fold.apply(batch(OTA_ACKS, [ack("a", A.COMMITTED), ack("c", A.ACCEPTED, hardware="HW4")]))
    assert len(list(fold.cells.changed())) == 2
    fold.apply(batch(OTA_ACKS, [ack("a", A.COMMITTED)], first=2))
    assert list(fold.cells.changed()) == []
    restored = AckFold(POLICY, proposals, fold.snapshot())
    assert restored.snapshot() == fold.snapshot()
    assert len(list(restored.cells.changed())) == 2


@pytest.mark.parametrize(
    ("changes", "stamp", "field", "reason"),
    [
        ({"release_id": "r9"}, START, "release_id", "r9 was not proposed"),
        ({}, START - 1, "release_id", "r1 was not proposed when"),
        ({"hardware": "AI5"}, START, "hardware", "is for HW3, HW4, not for AI5"),
    ],
)
def test_an_ack_that_cannot_be_is_refused_once_with_its_bytes(
    changes: dict[str, Any], stamp: int, field: str, reason: str
) -> None:
    fold = AckFold(POLICY, proposals)
    wrong = ack("a", A.ACCEPTED, **changes)
    fold.apply(batch(OTA_ACKS, [wrong], first=41, stamp=stamp))
    (refused,) = fold.refused()
    assert fold.refused() == []
    assert not fold.cells.counts
    letter = dead_letter(refused, "topic-id", 3, CODEC)
    assert (letter.field, letter.stage, letter.error_class) == (field, "rollout", "REFUSED")
    assert reason in letter.reason
    assert (letter.offset, letter.partition, letter.ts, letter.key) == (41, 3, stamp, b"a")
    assert letter.body == CODEC.encode(OTA_ACKS, wrong)
    assert letter.event_id == dead_letter(refused, "topic-id", 3, CODEC).event_id


def test_silence_waits_until_the_log_was_read_past_the_deadline() -> None:
    # The trace of a worker that was down for an hour: the commits wait in the backlog.
    fold = AckFold(POLICY, proposals)
    fold.apply(batch(OTA_ACKS, [ack("a", A.ACCEPTED), ack("b", A.ACCEPTED)]))
    fold.advance(START + 10 * SECOND)
    assert fold.cells.counts["r1", "HW3"].silent == 0
    commit = batch(OTA_ACKS, [ack("a", A.COMMITTED)], first=2, stamp=START + 9 * SECOND)
    fold.apply(commit)
    fold.advance(START + 10 * SECOND + 1)
    found = fold.cells.counts["r1", "HW3"]
    assert (found.silent, found.committed, found.accepted) == (1, 1, 2)


def test_a_restored_fold_still_knows_who_is_pending() -> None:
    fold = AckFold(POLICY, proposals)
    fold.apply(batch(OTA_ACKS, [ack("a", A.ACCEPTED), ack("b", A.COMMITTED)]))
    restored = AckFold(POLICY, proposals, fold.snapshot())
    restored.advance(START + 11 * SECOND)
    assert restored.cells.counts["r1", "HW3"].silent == 1


def test_a_device_fails_by_latency_with_windows_over_in_a_row() -> None:
    fold = WindowFold(POLICY, proposals, openings, lambda *_: None)
    alternating = [window("a", number, late=4 * (number % 2)) for number in range(6)]
    failing = [window("b", number, late=4 * (number in (3, 4))) for number in range(6)]
    fold.apply(batch(INFERENCE_EVENTS, alternating + failing))
    found = fold.cells.counts["r1", "HW3"]
    assert (found.accepted, found.committed, found.failed) == (2, 1, 1)
    assert (found.windows_judged, found.windows_over) == (12, 5)
    assert found.exposure_m == 120.0


def test_missing_frames_count_like_late_ones_and_a_quarter_is_not_over() -> None:
    fold = WindowFold(POLICY, proposals, openings, lambda *_: None)
    missing = {"produced": 2, "latency": factories.latency_histogram(2)}
    fold.apply(
        batch(
            INFERENCE_EVENTS,
            [window("a", 1, late=1), window("a", 2, late=0, **missing)],
        )
    )
    assert fold.cells.counts["r1", "HW3"].windows_over == 1


def test_a_device_is_good_by_latency_after_enough_windows() -> None:
    fold = WindowFold(POLICY, proposals, openings, lambda *_: None)
    for number in range(3):
        assert fold.cells.counts.get(("r1", "HW3"), cells.CellCounts()).committed == 0
        fold.apply(batch(INFERENCE_EVENTS, [window("a", number, late=0)], first=number))
    assert fold.cells.counts["r1", "HW3"].committed == 1


def test_windows_sent_again_or_of_no_known_release_count_nothing() -> None:
    fold = WindowFold(POLICY, proposals, openings, lambda *_: None)
    one = window("a", 1, late=0)
    strange = [window("b", 1, 0, release_id="r9"), window("c", 1, 0, release_id=None)]
    fold.apply(batch(INFERENCE_EVENTS, [one, one, *strange]))
    assert [*fold.cells.counts] == [("r1", "HW3")]
    assert fold.cells.counts["r1", "HW3"].windows_judged == 1


@pytest.mark.parametrize("cut", [0, 3, 7])
def test_the_window_fold_goes_on_from_a_snapshot(cut: int) -> None:
    told = [window(f"d{number % 3}", number, late=4 * (number % 4 > 1)) for number in range(12)]
    whole, first = (WindowFold(POLICY, proposals, openings, lambda *_: None) for _ in range(2))
    whole.apply(batch(INFERENCE_EVENTS, told))
    if cut:
        first.apply(batch(INFERENCE_EVENTS, told[:cut]))
    second = WindowFold(POLICY, proposals, openings, lambda *_: None, first.snapshot())
    second.apply(batch(INFERENCE_EVENTS, told[cut:], first=cut))
    assert second.snapshot() == whole.snapshot()


@pytest.mark.parametrize("cut", [1, 5, 9])
def test_however_the_log_is_cut_the_arms_are_the_same(cut: int) -> None:
    opened = [Opening(START + 4 * SECOND, "r1", "salt", 0.5)]
    told = [window(f"d{number % 5}", number, late=0) for number in range(12)]
    stamps = START + SECOND * np.arange(12)

    def stretch(first: int, end: int) -> LogBatch:
        made = batch(INFERENCE_EVENTS, told[first:end], first=first, stamp=int(stamps[end - 1]))
        return replace(made, stamps_us=stamps[first:end])

    whole = WindowFold(POLICY, proposals, lambda _: opened, lambda *_: None)
    whole.apply(stretch(0, 12))
    assert sum(cell.devices for cell in whole.arms.changed()) == 4, "d4 was first heard of later"
    first = WindowFold(POLICY, proposals, lambda _: opened, lambda *_: None)
    first.apply(stretch(0, cut))
    second = WindowFold(POLICY, proposals, lambda _: opened, lambda *_: None, first.snapshot())
    second.apply(stretch(cut, 12))
    list(second.arms.changed())
    assert second.snapshot() == whole.snapshot()


def test_disengagements_are_counted_once_for_the_release_that_ran() -> None:
    fold = EventFold(POLICY, DISENGAGEMENTS.name, proposals)
    one = factories.disengagement(event_id="a/1/1", device_id="a", release_id="r1")
    nobodys = factories.disengagement(event_id="a/1/2", device_id="a", release_id=None)
    fold.apply(batch(DISENGAGEMENTS, [one, one, nobodys]))
    assert fold.cells.counts["r1", "HW3"].events == 1
    assert (
        EventFold(POLICY, DISENGAGEMENTS.name, proposals, fold.snapshot()).snapshot()
        == fold.snapshot()
    )


def test_one_cell_too_many_names_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "MAX_CELLS", 1)
    made = Cells()
    made.touch(("r1", "HW3"))
    with pytest.raises(CellLimitError, match="r1 in HW4 is one more than MAX_CELLS=1"):
        made.touch(("r1", "HW4"))
