"""A dataset line: the first record with the next seq and the due kind counts."""

from dataclasses import replace

import pytest

from schemas.dataset_lines import LineBook
from schemas.records import DatasetManifest, ManifestKind

SEED = DatasetManifest(
    event_id="seed",
    source="simulated",
    kind=ManifestKind.ASSEMBLED,
    line="perception",
    dataset_id="perception-seed",
    seq=0,
    counts={},
    label_cost=0,
    budget=0,
    slices={},
    excluded={},
    inputs=(),
    assembled_ts=0,
)
ROUND = (ManifestKind.ASSEMBLED, ManifestKind.ASK, ManifestKind.CUT)


def step(seq: int, kind: ManifestKind | None = None, **changes: int) -> DatasetManifest:
    due = ROUND[seq % 3]
    return replace(SEED, seq=seq, kind=kind or due, dataset_id=f"d{seq}", **changes)  # type: ignore[arg-type] # whole numbers only


def test_two_rounds_count_and_each_dataset_closes_its_question() -> None:
    book = LineBook()
    for seq in range(7):
        assert book.observe(step(seq, label_cost=seq), stamp_us=100 + seq)
    view = book.line("perception")
    assert (view.next_seq, view.since_us, view.paid) == (7, 106, 6)
    assert view.dataset == step(6, label_cost=6)
    assert (view.ask, view.adjudication, view.cut) == (None, None, None)


@pytest.mark.parametrize("length", range(4))
def test_what_is_not_due_is_void_and_changes_nothing(length: int) -> None:
    book = LineBook()
    for seq in range(length):
        assert book.observe(step(seq), stamp_us=seq)
    before = book.line("perception")
    wrong = [step(length, kind) for kind in ManifestKind if kind not in before.expects]
    early = [step(length + 1, kind) for kind in before.expects]
    for record in (*early, *wrong, *map(step, range(length))):
        assert not book.observe(record, stamp_us=99)
    assert book.line("perception") == before
    assert book.observe(step(length), stamp_us=length)


def test_disagreements_are_asked_about_once_between_a_question_and_its_cut() -> None:
    book = LineBook()
    steps = (ManifestKind.ASSEMBLED, ManifestKind.ASK, ManifestKind.ADJUDICATE)
    for seq, kind in enumerate(steps):
        assert book.observe(step(seq, kind, label_cost=seq), stamp_us=seq)
    assert (book.line("perception").paid, book.line("perception").committed) == (0, 2)
    assert not book.observe(step(3, ManifestKind.ADJUDICATE), stamp_us=3)
    assert book.observe(step(3, ManifestKind.CUT), stamp_us=3)
    assert book.observe(step(4, ManifestKind.ASSEMBLED), stamp_us=4)
    assert book.line("perception").adjudication is None


def test_an_order_takes_no_place_and_is_void_when_its_question_is_not_open() -> None:
    book = LineBook()
    order = replace(step(1, ManifestKind.CUT_ORDERED), ordered_by="ann")
    assert book.observe(step(0), stamp_us=0)
    assert not book.observe(order, stamp_us=1)
    assert book.observe(step(1), stamp_us=2)
    assert not book.observe(replace(order, dataset_id="another"), stamp_us=3)
    assert book.observe(order, stamp_us=4)
    view = book.line("perception")
    assert (view.next_seq, view.since_us, view.ordered) == (2, 2, order)
    assert book.observe(step(2, ManifestKind.CUT), stamp_us=5)
    assert not book.observe(order, stamp_us=6)
    assert book.observe(step(3), stamp_us=7)
    assert book.line("perception").ordered is None


def test_lines_do_not_know_each_other() -> None:
    book = LineBook()
    assert book.observe(SEED, stamp_us=1)
    assert book.line("other").next_seq == 0
    assert book.observe(replace(SEED, line="other"), stamp_us=2)
