"""Playing a set: any speed gives the same events, a second time on the log adds nothing."""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from producers.replay import dmv, nhtsa, openacc
from producers.replay.events import source_of
from producers.replay.known import Known
from producers.replay.lines import JsonLines
from producers.replay.log import Log
from producers.replay.player import Outcome, Summary, play
from schemas.erasures import Erased, ErasureBook
from schemas.errors import RecordError
from schemas.topics import DEAD_LETTERS, DISENGAGEMENTS, INCIDENTS, TopicSpec
from tests.command_line import fleetloop
from tests.unit.producers.replay.replay_kit import (
    Clock,
    dmv_row,
    report,
    write_dmv,
    write_nhtsa,
    write_openacc,
)


class Shore:
    """A log and an object store that keep everything."""

    def __init__(self) -> None:
        self.published: list[tuple[str, Any]] = []
        self.objects: list[bytes] = []
        self.uri = "file:///context"

    def publish(self, topic: TopicSpec, record: Any) -> None:
        self.published.append((topic.name, record))

    def flush(self) -> None:
        """Nothing waits here."""

    def put(self, body: bytes, *, kind: str, suffix: str = "") -> "Shore":
        self.objects.append(body)
        assert (kind, suffix) == ("contexts", ".json")
        return self

    def replay(self, name: str, items: Any, *, erased: str = "") -> Summary:
        """One run of the command: what the log holds is read anew."""
        known = Known(source_of(name))
        for _, record in self.published:
            known.observe(record)
        book = ErasureBook([Erased("e", erased, 1)] if erased else ())
        log = Log(source_of(name), "1.0", self, self, known, book)
        return play(items, Clock().pace(None), log)


@pytest.fixture
def dmv_folder(tmp_path: Path) -> Path:
    days = [dmv_row(date="3/5/2021"), dmv_row(date="3/4/2021"), dmv_row(date="never")]
    return write_dmv(tmp_path / "dmv", {2021: days, 2023: [[" "] * 9]})


def test_any_speed_gives_the_same_events_at_its_own_pace(dmv_folder: Path) -> None:
    told, slept = [], []
    for speed in (None, 1.0, 86_400.0):
        out, clock = io.StringIO(), Clock()
        play(dmv.read(dmv_folder), clock.pace(speed), JsonLines(out, at_once=True))
        lines = [json.loads(line) for line in out.getvalue().splitlines()]
        told.append([{k: v for k, v in line.items() if k != "replay_ts"} for line in lines])
        slept.append(clock.slept_s)
    assert told[0] == told[1] == told[2]
    assert [line["kind"] for line in told[0][:2]] == ["refused", "refused"]
    assert slept[0] == 0
    days = (told[0][-1]["event_ts"] - told[0][2]["event_ts"]) / 86_400e6
    assert slept[1:] == [pytest.approx(days * 86_400), pytest.approx(days)]


def test_a_second_replay_adds_neither_records_nor_letters(dmv_folder: Path) -> None:
    shore = Shore()
    first = shore.replay("dmv", dmv.read(dmv_folder))
    assert first.events["disengagement", Outcome.REPLAYED] == 2
    assert first.events["mileage", Outcome.NO_TOPIC] == 12
    topics = [topic for topic, _ in shore.published]
    assert sorted(topics) == [DEAD_LETTERS.name] * 2 + [DISENGAGEMENTS.name] * 2
    before = list(shore.published)
    second = shore.replay("dmv", dmv.read(dmv_folder))
    assert second.events["disengagement", Outcome.THERE_BEFORE] == 2
    assert shore.published == before


def test_half_a_replay_is_finished_by_the_next(dmv_folder: Path) -> None:
    whole, shore = Shore(), Shore()
    whole.replay("dmv", dmv.read(dmv_folder))
    shore.published = whole.published[:3]
    shore.replay("dmv", dmv.read(dmv_folder))
    assert [one.event_id for _, one in shore.published] == [
        one.event_id for _, one in whole.published
    ]


def test_a_letter_holds_the_row_and_why(dmv_folder: Path) -> None:
    shore = Shore()
    shore.replay("dmv", dmv.read(dmv_folder))
    letters = [record for topic, record in shore.published if topic == DEAD_LETTERS.name]
    by_class = {letter.error_class: letter for letter in letters}
    assert sorted(by_class) == ["BLANK", "DATE"]
    odd = by_class["DATE"]
    assert (odd.topic, odd.offset) == ("replay:dmv/2021-disengagements.csv.gz", 3)
    assert b"never" in odd.body
    assert "'never' is no date" in odd.reason


def test_compaction_brings_no_old_version_behind_the_newest(tmp_path: Path) -> None:
    folder = write_nhtsa(tmp_path / "n", [report(2, "MAR-2026"), report(1, "FEB-2026")])
    shore = Shore()
    shore.replay("nhtsa", nhtsa.read(folder))
    assert [topic for topic, _ in shore.published] == [INCIDENTS.name] * 2
    shore.published = shore.published[1:]
    again = shore.replay("nhtsa", nhtsa.read(folder))
    assert again.events["incident", Outcome.THERE_BEFORE] == 2
    assert len(shore.published) == 1


def test_an_erased_vehicle_is_not_brought_back(dmv_folder: Path) -> None:
    shore = Shore()
    summary = shore.replay("dmv", dmv.read(dmv_folder), erased="V1")
    assert summary.events["disengagement", Outcome.ERASED] == 2
    assert {topic for topic, _ in shore.published} == {DEAD_LETTERS.name}


def test_a_takeover_keeps_the_seconds_before_it_as_an_object(tmp_path: Path) -> None:
    lines = [f"part1,0.{at},2,Ford,10,1,1,1,1,20,{who}" for at, who in enumerate(("ACC", "Human"))]
    shore = Shore()
    shore.replay("openacc", openacc.read(write_openacc(tmp_path / "o", lines, {"part1": 2})))
    ((_, takeover),) = shore.published
    assert takeover.context_uri == "file:///context"
    assert [one["control_mode"] for one in json.loads(shore.objects[0])] == ["ACC", "MANUAL"]


def test_a_record_that_breaks_a_rule_stops_the_replay(dmv_folder: Path) -> None:
    items = [replace(one, body=replace(one.body, hardware="HW9")) for one in _records(dmv_folder)]
    shore = Shore()
    with pytest.raises(RecordError, match="hardware: 'HW9'"):
        shore.replay("dmv", items)
    assert shore.published == []


def _records(folder: Path) -> list[Any]:
    return [one for one in dmv.read(folder) if getattr(one, "topic", None) is DISENGAGEMENTS]


def test_the_command_writes_lines_and_says_what_it_found(dmv_folder: Path) -> None:
    done = fleetloop("replay", "dmv", "--data", str(dmv_folder), "--speed", "1e9")
    assert done.exit_code == 0, done.output
    assert len(done.stdout.splitlines()) == 2 + 2 + 12
    assert "2 disengagement replayed" in done.stderr
    assert "mismatch of permit AVT001: 2 reported" not in done.stderr
    assert "1 rows set aside, DATE" in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("dvm", "--data", "."), 2, "replay dvm: no such set; there are gtsrb, openacc"),
        (("dmv", "--data", ".", "--speed", "0"), 2, "must be above 0"),
        (("dmv", "--data", ".", "--speed", "nan"), 2, "must be above 0"),
        (("nab", "--data", ".", "--to", "topics"), 2, "none of its events has a topic"),
        (("dmv", "--data", "no/where"), 1, "no such folder"),
    ],
)
def test_the_command_refuses_in_one_sentence(words: tuple[str, ...], code: int, said: str) -> None:
    done = fleetloop("replay", *words)
    assert (done.exit_code, done.stdout) == (code, "")
    assert said in done.stderr
