"""Label Studio's JSON both ways: tasks and configuration out, annotations in, once."""

import json
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from infra.labels import studio_answers, studio_import, studio_tasks
from infra.labels.ledger import By, rows
from schemas.media import PICTURES, SOUND
from schemas.records import SKIP
from schemas.topics import LABEL_REVIEWS
from schemas.validation import check
from tests.unit.infra.labels.asked import CLASSES, book, review


def annotation(number: int, label: str | None, **changes: Any) -> dict[str, Any]:
    """As Label Studio 1.x exports it."""
    made: dict[str, Any] = {
        "id": number,
        "completed_by": 7,
        "result": [] if label is None else [studio_tasks.result(label, "image") | {"id": "xY1"}],
        "was_cancelled": False,
        "ground_truth": False,
        "created_at": f"2026-11-26T07:00:{number:02}.000000Z",
        "updated_at": "2026-11-26T08:00:00.000000Z",
        "lead_time": 4.25,
        "task": 1,
    }
    return made | changes


def task(number: int, *answers: dict[str, Any], **changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "id": 100 + number,
        "data": {"image": "/data/1.png"},
        "meta": {"edge_case_id": f"d1/1/{number}"},
        "annotations": list(answers),
        "predictions": [],
        "project": 3,
    }
    return made | changes


def read(*tasks: dict[str, Any]) -> list[studio_import.Annotation]:
    return studio_import.annotations(json.dumps(tasks))


def test_a_task_carries_frames_lineage_and_the_device_s_own_answer() -> None:
    asked = book().open()[0]
    made = studio_tasks.task(asked, studio_tasks.data_uri(b"PNG", PICTURES), CLASSES)
    assert made["data"] == {"image": "data:image/png;base64,UE5H"}
    assert made["meta"]["edge_case_id"] == "d1/1/0"
    assert made["meta"]["ask_id"] == "ask"
    (prediction,) = made["predictions"]
    assert (prediction["model_version"], prediction["score"]) == ("signs-3", 0.6)
    assert prediction["result"][0]["value"] == {"choices": ["yield"]}
    assert "predictions" not in studio_tasks.task(asked, "x", ("stop",))


@pytest.mark.parametrize(("medium", "tag"), [(PICTURES, "Image"), (SOUND, "Audio")])
def test_the_configuration_names_what_results_name(medium: Any, tag: str) -> None:
    view = ET.fromstring(studio_tasks.config(medium, ['a "quoted" <class>', "stop"]))  # noqa: S314 - our own text
    shown, choices = view.find(tag), view.find("Choices")
    assert shown is not None
    assert choices is not None
    assert shown.get("value") == f"${shown.get('name')}"
    assert choices.get("toName") == shown.get("name")
    assert choices.get("name") == studio_tasks.result("stop", "image")["from_name"]
    assert [one.get("value") for one in choices] == ['a "quoted" <class>', "stop"]


def test_answers_come_in_the_order_they_were_given_by_several_people() -> None:
    found = read(
        task(0, annotation(5, "stop"), annotation(2, "yield", completed_by={"id": 9, "email": ""})),
        task(1, annotation(3, None, was_cancelled=True, completed_by={"id": 8, "email": "a@b.c"})),
        task(2),
    )
    assert [(one.annotation_id, one.reviewer, one.label) for one in found] == [
        ("2", "label-studio/9", "yield"),
        ("3", "a@b.c", SKIP),
        ("5", "label-studio/7", "stop"),
    ]
    assert found[0].seconds == 4.25


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("{}", "list of tasks"),
        ("[3]", r"task \[0\]: is int"),
        (json.dumps([task(0, meta={})]), "task 100: meta: edge_case_id=None"),
        (json.dumps([task(0, annotations=None)]), "task 100: annotations=None"),
        (json.dumps([task(0, annotation(1, "stop", id=None))]), r"annotations\[0\]: id=None"),
        (json.dumps([task(0, annotation(1, "stop", lead_time="4"))]), "lead_time='4'"),
        (json.dumps([task(0, annotation(1, "stop", lead_time=-1))]), "lead_time=-1.0"),
        (json.dumps([task(0, annotation(1, "stop", completed_by=None))]), "completed_by=None"),
        (json.dumps([task(0, annotation(1, "stop", was_cancelled="no"))]), "was_cancelled='no'"),
        (
            json.dumps([task(0, annotation(1, "stop", result=[{"from_name": "tag"}]))]),
            "from_name='tag'",
        ),
        (
            json.dumps(
                [
                    task(
                        0,
                        annotation(
                            1,
                            None,
                            result=[{"from_name": "class", "value": {"choices": ["a", "b"]}}],
                        ),
                    )
                ]
            ),
            "one class name",
        ),
    ],
)
def test_a_malformed_export_is_refused_by_task_and_field(text: str, message: str) -> None:
    with pytest.raises(studio_import.ExportError, match=message):
        studio_import.annotations(text)


def test_a_second_import_adds_nothing_and_a_change_corrects() -> None:
    found = book(seconds=(0,))
    first = read(task(0, annotation(1, "stop"), annotation(2, "yield", completed_by=8)))
    made = studio_answers.taken(found, first)
    assert [one.label for one in made.reviews] == ["stop", "yield"]
    for one in made.reviews:
        check(LABEL_REVIEWS, one, one.reviewed_ts)
    again = studio_answers.taken(found, first)
    assert (again.reviews, again.known) == ([], 2)
    changed = studio_answers.taken(found, read(task(0, annotation(1, "give way"))))
    back, corrected = changed.reviews
    assert (back.withdraws, corrected.label) == (made.reviews[0].event_id, "give way")
    assert changed.corrected == 1
    asked = found.find("d1/1/0")
    assert asked is not None
    assert sorted(vote.label for vote in found.ballot(asked).votes) == ["give way", "yield"]


def test_an_answer_that_was_taken_back_is_not_revived_by_an_old_export() -> None:
    found = book()
    export = read(task(0, annotation(1, "stop")))
    (given,) = studio_answers.taken(found, export).reviews
    asked = found.find("d1/1/0")
    assert asked is not None
    asked.reviews["back"] = review(
        0, given.reviewer, SKIP, event_id="back", withdraws=given.event_id
    )
    again = studio_answers.taken(found, export)
    assert (again.reviews, again.known) == ([], 1)


def test_what_would_not_count_is_told_and_the_rest_is_taken() -> None:
    made = studio_answers.taken(
        book(review(2, "ann", "stop")),
        read(
            task(0, annotation(1, "stop")),
            task(1, annotation(2, "axe")),
            task(2, annotation(3, "stop")),
            task(9, annotation(4, "stop")),
        ),
    )
    assert [one.edge_case_id for one in made.reviews] == ["d1/1/0"]
    assert [line.split(":")[0] for line in made.refused] == [
        "task 101, annotation 2",
        "task 102, annotation 3",
        "task 109, annotation 4",
    ]


def test_the_ledger_tells_paid_open_and_taken_back() -> None:
    given = review(0, "ann", "stop")
    back = review(0, "ann", SKIP, event_id="back", withdraws=given.event_id)
    found = book(given, back, review(1, "bob", "yield"), review(1, "ann", "stop"), seconds=(1,))
    (row,) = rows(found, By.DATASET, None)
    assert row["paid"] == 3
    assert (row["encounters"], row["asked"], row["answered"], row["open"]) == (3, 4, 2, 2)
    assert (row["withdrawn"], row["labelled"], row["disputed"]) == (1, 0, 1)
    assert rows(found, By.LINE, "signs")[0]["paid"] == 3
    assert rows(found, By.REVIEWER, "signs") == [
        {"reviewer": "ann", "answered": 2, "standing": 1, "withdrawn": 1},
        {"reviewer": "bob", "answered": 1, "standing": 1, "withdrawn": 0},
    ]
    assert rows(found, By.DATASET, "digits") == []
