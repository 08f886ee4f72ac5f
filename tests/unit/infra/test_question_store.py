"""A sheet of questions forgets an erased device, and its line goes on by the same."""

from pathlib import Path

import numpy as np
import pytest

from infra.objects import ObjectMissingError, ObjectStore
from infra.question_store import put_questions, questions_at, redact_questions
from schemas.ballots import Ballot, Vote
from schemas.erasures import Erased, ErasureBook
from schemas.question_sheets import Question, QuestionSheet

GONE, KEPT = "v-gone", "v-kept"


def question(device: str, number: int, stamp_us: int = 5) -> Question:
    return Question(
        event_id=f"{device}/1/{number}",
        device_id=device,
        encounter_id=f"{device}/{number}",
        frame_uri=f"file:///{device}-{number}.png",
        frame_digest=f"{number:064x}",
        frame_media_type="image/png",
        topic_id="t",
        partition=0,
        offset=number,
        stamp_us=stamp_us,
        planned=1,
        ballot=Ballot(1, 1, [Vote("ann", "stop", f"r-{device}-{number}")]),
    )


@pytest.fixture
def objects(tmp_path: Path) -> ObjectStore:
    return ObjectStore(f"file://{tmp_path}")


def erased(device: str, until_us: int = 9) -> ErasureBook:
    return ErasureBook([Erased(f"erasure-of-{device}", device, until_us)])


def stored(tmp_path: Path) -> bytes:
    return b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_nothing_names_the_device_and_the_line_goes_by_the_same(
    objects: ObjectStore, tmp_path: Path
) -> None:
    later = question(GONE, 3, stamp_us=10)  # the device came back after its erasure
    whole = QuestionSheet().replaced([question(GONE, 1), question(KEPT, 2), later])
    _, digest = put_questions(objects, whole)
    whole = questions_at(objects, digest)
    assert b"v-gone/1/1" in stored(tmp_path)
    assert redact_questions(objects, digest, erased(GONE))
    assert b"v-gone/1/1" not in stored(tmp_path)
    left = questions_at(objects, digest)
    assert {*left.pick([f"{GONE}/1/1", f"{KEPT}/1/2", f"{GONE}/1/3"])} == {
        f"{KEPT}/1/2",
        f"{GONE}/1/3",
    }
    # What the next question leaves out, and what the next sheet is made of.
    assert np.array_equal(np.sort(left.encounters()), np.sort(whole.encounters()))
    book = erased(GONE)
    assert left.without(book).to_parquet() == whole.without(book).to_parquet()


def test_a_second_device_a_second_time_and_a_sheet_that_names_none(objects: ObjectStore) -> None:
    whole = QuestionSheet().replaced([question(GONE, 1), question(KEPT, 2), question("v-3", 3)])
    _, digest = put_questions(objects, whole)
    assert not redact_questions(objects, digest, erased("v-4"))
    assert redact_questions(objects, digest, erased(GONE))
    assert not redact_questions(objects, digest, erased(GONE))
    assert redact_questions(objects, digest, erased(KEPT))
    left = questions_at(objects, digest)
    assert len(left) == 1
    assert np.array_equal(np.sort(left.encounters()), np.sort(whole.encounters()))


def test_killed_between_the_two_writes_it_is_done_again(
    objects: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, digest = put_questions(objects, QuestionSheet().replaced([question(GONE, 1)]))

    def dies(_: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr(objects, "delete", dies)
        with pytest.raises(KeyboardInterrupt):
            redact_questions(objects, digest, erased(GONE))
    assert redact_questions(objects, digest, erased(GONE))
    assert b"v-gone/1/1" not in stored(tmp_path)


def test_a_sheet_that_is_nowhere_is_said_to_be_missing(objects: ObjectStore) -> None:
    with pytest.raises(ObjectMissingError, match="questions/00/"):
        questions_at(objects, "0" * 64)
