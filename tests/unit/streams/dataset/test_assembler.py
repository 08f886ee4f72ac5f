"""A line asks, cuts and assembles as a function of the log: any worker writes the same."""

from dataclasses import replace

import pytest

from schemas.dataset_lines import LineBook
from schemas.erasures import Erased, ErasureBook
from schemas.forgotten import standing
from schemas.manifests import (
    Manifest,
    obeyed_until_us,
)
from schemas.media import SOUND
from schemas.records import DatasetManifest
from schemas.topics import EDGE_CASES, LABEL_REVIEWS
from streams.dataset.assembler import Assembler
from streams.dataset.ports import Unreadable
from tests.unit.streams.dataset.kit import (
    POLICY,
    SECOND,
    FakeGallery,
    FakeLog,
    FakeShelf,
    seed_example,
    seeded,
)


def run_round(
    log: FakeLog,
    shelf: FakeShelf,
    book: LineBook,
    *,
    restart: bool,
    erasures: ErasureBook | None = None,
) -> DatasetManifest:
    """One question to one dataset; with `restart`, a new worker takes over at each step."""
    steps: list[DatasetManifest] = []
    erasures = erasures or ErasureBook()
    assembler = Assembler(POLICY, log, shelf, FakeGallery(), erasures)
    for _ in range(3):
        view = book.line("perception")
        log.answer(assembler.requests(view))
        if restart:
            assembler = Assembler(POLICY, log, shelf, FakeGallery(), erasures)
        record = assembler.next(view, 6 * SECOND)
        assert record is not None
        assert book.observe(record, stamp_us=5 * SECOND)
        steps.append(record)
        log.see(3, seed=100 + len(steps))  # the log goes on; earlier ranges must not move
    assert [step.kind for step in steps] == ["ASK", "CUT", "ASSEMBLED"]
    return steps[-1]


def test_nothing_is_asked_before_a_dataset_exists_or_while_few_candidates_wait() -> None:
    log, shelf = FakeLog(), FakeShelf()
    log.see(10)
    assembler = Assembler(POLICY, log, shelf, FakeGallery())
    assert assembler.ask(LineBook().line("perception"), 0) is None
    assert assembler.ask(seeded(shelf).line("perception"), 0) is None


def test_a_round_pays_its_budget_and_keeps_parent_lineage_and_classes() -> None:
    log, shelf = FakeLog(), FakeShelf()
    log.see(40)
    book = seeded(shelf)
    done = run_round(log, shelf, book, restart=False)
    manifest = shelf.manifest(done)
    assert len(manifest.examples) == 1 + 8
    assert done.label_cost == 8
    assert done.slices == {"inherited": 1, "added": 8}
    assert done.leakage_audit is not None
    assert done.leakage_audit.violations == 0
    assert manifest.metadata["classes"] == '["yield", "stop"]'
    first = next(e for e in manifest.examples if e.label == "stop")
    source = log.edge_cases[first.source_partition][first.source_offset]
    assert source.encounter_id == first.encounter_id
    assert first.source_topic_id == "id-of-edge-cases"


def test_a_line_asks_about_its_own_medium_and_counts_what_belongs_to_others() -> None:
    log, shelf = FakeLog(), FakeShelf()
    log.see(80)
    rows = [row for held in log.edge_cases.values() for row in held]
    for held in log.edge_cases.values():  # of each device every second encounter is a sound
        held[:] = [
            replace(row, frame_media_type=SOUND.media_type, embedding=row.embedding[:8])
            if row.offset % 2
            else row
            for row in held
        ]
    done = run_round(log, shelf, seeded(shelf), restart=False)
    added = {example.frame_uri for example in shelf.manifest(done).examples} - {"file:///seed"}
    assert added <= {row.frame_uri for row in rows if row.offset % 2 == 0}
    assert done.excluded["OTHER_MEDIUM"] == 40
    assert len(added) == 8


def test_a_new_worker_at_every_step_writes_the_same_manifest() -> None:
    manifests = []
    for restart in (False, True):
        log, shelf = FakeLog(), FakeShelf()
        log.see(40)
        done = run_round(log, shelf, seeded(shelf), restart=restart)
        manifests.append((done.dataset_id, done.manifest_digest, done.event_id))
    assert manifests[0] == manifests[1]


def test_the_second_question_starts_where_the_first_ended_and_the_budget_ends_the_line() -> None:
    log, shelf = FakeLog(), FakeShelf()
    log.see(40)
    book = seeded(shelf)
    run_round(log, shelf, book, restart=False)
    log.see(40, seed=2)
    second = run_round(log, shelf, book, restart=False)
    assert second.label_cost == 12
    spans = {(r.topic, r.partition): r for r in second.inputs}
    assert spans[EDGE_CASES.name, 0].first_offset == 20
    assert len(shelf.manifest(second).examples) == 1 + 12
    log.see(60, seed=3)
    assert Assembler(POLICY, log, shelf, FakeGallery()).ask(book.line("perception"), 0) is None


def test_an_erased_device_is_not_asked_about_and_the_rest_of_the_question_stays() -> None:
    log, shelf = FakeLog(), FakeShelf()
    log.see(40)
    book = seeded(shelf)
    ask = Assembler(POLICY, log, shelf, FakeGallery()).ask(book.line("perception"), 0)
    assert ask is not None
    assert book.observe(ask, stamp_us=0)
    view = book.line("perception")
    before = Assembler(POLICY, log, shelf, FakeGallery()).requests(view)
    gone = before[0].device_id
    for until_us, is_covered in ((SECOND - 1, False), (SECOND, True)):
        erasures = ErasureBook([Erased("e", gone, until_us)])
        assembler = Assembler(POLICY, log, shelf, FakeGallery(), erasures)
        asked = assembler.requests(view)
        assert asked == tuple(r for r in before if not (is_covered and r.device_id == gone))
    log.answer(asked)
    assert assembler.cut(view, SECOND) is not None  # nobody waits for what was not asked


def test_examples_of_a_device_erased_since_are_not_carried_on_and_later_ones_are() -> None:
    log, shelf = FakeLog(), FakeShelf()
    log.see(40)
    book = seeded(shelf)
    first = shelf.manifest(run_round(log, shelf, book, restart=False))
    gone = next(e.device_id for e in first.examples if e.label == "stop")
    theirs = [e.example_id for e in first.examples if e.device_id == gone]
    erasures = ErasureBook([Erased("e", gone, 9 * SECOND)])
    log.see(40, seed=1)  # the same devices drive on; what was stamped before is covered
    done = run_round(log, shelf, book, restart=True, erasures=erasures)
    second = shelf.manifest(done)
    assert {e.device_id for e in second.examples}.isdisjoint({gone})
    assert done.excluded["ERASED"] == len(theirs)
    assert obeyed_until_us(second) == 9 * SECOND
    again = Manifest((replace(seed_example(), device_id=gone),), second.metadata)
    assert [*standing(again, erasures)] == [*again.examples]  # collected after the erasure it obeys
    later = ErasureBook([Erased("f", gone, 9 * SECOND + 1)])
    assert not standing(again, later)


def test_killed_after_some_requests_the_next_worker_asks_the_same_ones() -> None:
    log, shelf = FakeLog(), FakeShelf()
    log.see(40)
    book = seeded(shelf)
    ask = Assembler(POLICY, log, shelf, FakeGallery()).ask(book.line("perception"), 0)
    assert ask is not None
    assert book.observe(ask, stamp_us=0)
    log.see(500, seed=9)
    asked = [
        {
            r.event_id
            for r in Assembler(POLICY, log, shelf, FakeGallery()).requests(book.line("perception"))
        }
        for worker in (Assembler(POLICY, log, shelf, FakeGallery()) for _ in range(2))
    ]
    assert asked[0] == asked[1]
    assert len(asked[0]) == 8


def test_patience_cuts_a_question_that_nobody_answers() -> None:
    log, shelf = FakeLog(), FakeShelf()
    log.see(40)
    book = seeded(shelf)
    assembler = Assembler(POLICY, log, shelf, FakeGallery())
    ask = assembler.ask(book.line("perception"), 0)
    assert ask is not None
    book.observe(ask, stamp_us=0)
    view = book.line("perception")
    assert assembler.cut(view, 60 * SECOND) is None
    cut = assembler.cut(view, 61 * SECOND)
    assert cut is not None
    book.observe(cut, stamp_us=61 * SECOND)
    done = assembler.assemble(book.line("perception"), 62 * SECOND)
    assert done is not None
    assert done.excluded["UNANSWERED"] == 8
    assert done.slices["added"] == 0


def test_of_two_workers_records_the_first_counts() -> None:
    log, shelf = FakeLog(), FakeShelf()
    log.see(40)
    book = seeded(shelf)
    ask = Assembler(POLICY, log, shelf, FakeGallery()).ask(book.line("perception"), 0)
    assert ask is not None
    assert book.observe(ask, stamp_us=1)
    assert not book.observe(replace(ask, label_cost=99), stamp_us=2)
    assert book.line("perception").ask == ask


def test_a_topic_made_anew_is_refused() -> None:
    log, shelf = FakeLog(), FakeShelf()
    log.see(40)
    book = seeded(shelf)
    done = run_round(log, shelf, book, restart=False)
    wrong = replace(done, inputs=tuple(replace(r, topic_id="other") for r in done.inputs))
    view = replace(book.line("perception"), dataset=wrong)
    with pytest.raises(ValueError, match="made anew"):
        Assembler(POLICY, log, shelf, FakeGallery()).ask(view, 0)
    assert LABEL_REVIEWS.name in {r.topic for r in done.inputs}


def test_a_second_question_with_as_many_answers_is_cut_as_well() -> None:
    """Eight answers each: that eight were looked at before says nothing about these."""
    log, shelf = FakeLog(), FakeShelf()
    book = seeded(shelf)
    assembler = Assembler(POLICY.model_copy(update={"budget": 16}), log, shelf, FakeGallery())
    for seed in (1, 2):
        log.see(40, seed=seed)
        kinds = []
        for _ in range(3):
            view = book.line("perception")
            log.answer(assembler.requests(view))
            record = assembler.next(view, 6 * SECOND)
            assert record is not None
            assert book.observe(record, stamp_us=5 * SECOND)
            kinds.append(record.kind)
        assert kinds == ["ASK", "CUT", "ASSEMBLED"]


def test_a_question_is_chosen_once_however_often_it_is_looked_at() -> None:
    reads = []
    for restart in (False, True):
        log, shelf = FakeLog(), FakeShelf()
        log.see(40)
        run_round(log, shelf, seeded(shelf), restart=restart)
        reads.append(log.reads)
    assert reads == [1, 3]  # for the question and its choice; each new worker chooses again


def test_a_line_begins_where_the_log_begins_now() -> None:
    """Retention took the first records before the line asked: what is left is asked about."""
    log, shelf = FakeLog(), FakeShelf()
    log.see(60)
    log.gone = 5
    book = seeded(shelf)
    ask = Assembler(POLICY, log, shelf, FakeGallery()).ask(book.line("perception"), 0)
    assert ask is not None
    assert {(r.first_offset, r.last_offset) for r in ask.inputs} == {(5, 29)}
    view = replace(book.line("perception"), dataset=replace(seed_record(book), inputs=ask.inputs))
    log.see(100, seed=2)
    log.gone = 45
    later = Assembler(POLICY, log, shelf, FakeGallery()).ask(view, 0)
    assert later is not None
    assert {(r.first_offset, r.last_offset) for r in later.inputs} == {(45, 79)}


def seed_record(book: LineBook) -> DatasetManifest:
    dataset = book.line("perception").dataset
    assert dataset is not None
    return dataset


def test_pictures_that_cannot_be_read_are_counted_by_reason_and_not_learnt() -> None:
    log, shelf = FakeLog(), FakeShelf()
    book = seeded(shelf)
    log.see(40)
    gallery = FakeGallery()
    assembler = Assembler(POLICY, log, shelf, gallery)
    for _ in range(2):
        view = book.line("perception")
        requests = assembler.requests(view)
        log.answer(requests)
        for number, request in enumerate(requests[:3]):
            digest = next(
                each.frame_digest
                for rows in (log.edge_cases[0], log.edge_cases[1])
                for each in rows
                if each.event_id == request.edge_case_id
            )
            gallery.unreadable[digest] = list(Unreadable)[number % 2]
        record = assembler.next(view, 6 * SECOND)
        assert record is not None
        book.observe(record, stamp_us=5 * SECOND)
    assembled = assembler.next(book.line("perception"), 6 * SECOND)
    assert assembled is not None
    assert assembled.excluded["PICTURE_MISSING"] == 2
    assert assembled.excluded["PICTURE_CORRUPT"] == 1
    assert sum(assembled.counts.values()) == 1 + POLICY.labels_per_ask - 3
