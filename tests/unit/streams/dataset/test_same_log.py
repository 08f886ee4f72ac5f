"""The same log and the same cuts give the same manifest: in any pieces, whoever dies in between."""

from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.records import DatasetManifest
from streams.dataset import survey
from streams.dataset.assembler import Assembler
from tests.unit.streams.dataset.kit import POLICY, SECOND, FakeGallery, FakeLog, FakeShelf, seeded

_ROUNDS = 2


def manifests(
    fetched: int, at_once: int, restarts: frozenset[int]
) -> list[tuple[str, str | None, str]]:
    """Two rounds of a line, step by step, in which a new worker takes over at some wakings."""
    log, shelf = FakeLog(fetched=fetched), FakeShelf()
    book = seeded(shelf)
    written: list[DatasetManifest] = []
    waking = 0
    with mock.patch.object(survey, "_AT_ONCE", at_once):
        worker = Assembler(POLICY, log, shelf, FakeGallery())
        for number in range(_ROUNDS):
            log.see(60, seed=number)
            answered = False
            while len(written) < 3 * (number + 1):
                view = book.line("perception")
                asked = worker.requests(view)
                if asked and not answered:
                    log.answer(asked)
                    answered = True
                waking += 1
                if waking in restarts:
                    worker = Assembler(POLICY, log, shelf, FakeGallery())
                record = worker.next(view, 6 * SECOND)
                if record is not None:
                    assert book.observe(record, stamp_us=5 * SECOND)
                    written.append(record)
                assert waking < 500
    return [
        (one.dataset_id, one.manifest_digest, repr(sorted(one.excluded.items())))
        for one in written
        if one.manifest_digest
    ]


EXPECTED = manifests(fetched=0, at_once=1_000, restarts=frozenset())


@settings(max_examples=12, deadline=None)
@given(
    fetched=st.integers(1, 40),
    at_once=st.integers(1, 40),
    restarts=st.frozensets(st.integers(1, 40), min_size=2, max_size=2),
)
def test_any_batching_and_two_restarts_give_the_same_manifests(
    fetched: int, at_once: int, restarts: frozenset[int]
) -> None:
    assert len(EXPECTED) == _ROUNDS
    assert manifests(fetched, at_once, restarts) == EXPECTED
