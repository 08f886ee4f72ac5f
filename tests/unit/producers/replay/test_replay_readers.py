"""Readers on small sets: each trap kept, nothing filled in, nothing lost without a word."""

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from producers.replay import comma, dmv, fsdd, nhtsa, openacc
from producers.replay.dmv_dates import moment
from producers.replay.events import ReplayError
from producers.replay.nhtsa_words import engaged, month, severity, software
from producers.replay.sets import DATA_SETS
from schemas.moments import spell
from schemas.records import Initiator
from tests.unit.producers.replay.replay_kit import (
    dmv_row,
    events,
    notes,
    refusals,
    report,
    write_arrays,
    write_dmv,
    write_nhtsa,
    write_openacc,
)


@pytest.mark.parametrize(
    ("text", "utc", "precision"),
    [
        ("2021.03.04.", "2021-03-04T20:00:00Z", "DAY"),
        ("\t2021.06.03. ", "2021-06-03T19:00:00Z", "DAY"),
        ("3/4/2021", "2021-03-04T20:00:00Z", "DAY"),
        ("8/22/22", "2022-08-22T19:00:00Z", "DAY"),
        ("17/Jun/21", "2021-06-17T19:00:00Z", "DAY"),
        ("20230308", "2023-03-08T20:00:00Z", "DAY"),
        ("2022/10/31", "2022-10-31T19:00:00Z", "DAY"),
        ("2020-12-07 / 10:11:26", "2020-12-07T18:11:26Z", "SECOND"),
        ("2021.12.06. 13:18:07", "2021-12-06T21:18:07Z", "SECOND"),
        ("2021-06-02 13:15:16", "2021-06-02T20:15:16Z", "SECOND"),
    ],
)
def test_dates_of_every_form_are_californian(text: str, utc: str, precision: str) -> None:
    at_us, exact = moment(text)
    assert (spell(at_us), exact.value) == (utc, precision)


@pytest.mark.parametrize(
    "text", ["", "soon", "13/13/2021", "2021-02-30", "3/4/", "2021.03.04. 25:00:00"]
)
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"date|does not match|unconverted"):
        moment(text)


@pytest.mark.parametrize(
    ("text", "who"),
    [
        ("Test Drive", Initiator.TEST_DRIVER),
        ("Test driver, AV system", Initiator.TEST_DRIVER),
        ("Operator", Initiator.TEST_DRIVER),
        ("ADS", Initiator.AV_SYSTEM),
        ("software", Initiator.AV_SYSTEM),
        ("AV System - Emergency Stop", Initiator.AV_SYSTEM),
        ("Remote Operator", Initiator.REMOTE),
        ("passenger", Initiator.PASSENGER),
        ("", Initiator.UNKNOWN),
    ],
)
def test_who_ended_autonomy_is_how_the_cell_begins(text: str, who: Initiator) -> None:
    assert dmv.initiator(text) is who


def test_dmv_rows_that_give_no_event_are_told_with_their_reason(tmp_path: Path) -> None:
    blank = [" "] * 9
    odd = [dmv_row(date="some day"), dmv_row(vin="  "), dmv_row()[:5]]
    items = list(dmv.read(write_dmv(tmp_path, {2021: [dmv_row(), blank], 2023: odd})))
    assert refusals(items) == {"BLANK": 1, "DATE": 1, "NO_VEHICLE": 1, "MALFORMED": 1}
    (event,) = [one for one in events(items) if one.kind == "disengagement"]
    assert event.body.event_id == "V1/0/1"
    assert event.body.cause_text == "it braked hard"
    assert (event.also["operator_id"], event.also["driver_present"]) == ("AVT001", True)
    assert notes(items)["mismatch of permit AVT001"] == "0 reported, 2 declared"


def test_a_vehicle_of_two_files_has_no_identity_twice(tmp_path: Path) -> None:
    items = list(dmv.read(write_dmv(tmp_path, {2021: [dmv_row()], 2022: [dmv_row(), dmv_row()]})))
    told = [one.body.event_id for one in events(items) if one.kind == "disengagement"]
    assert told == ["V1/0/1", "V1/0/2", "V1/0/3"]


def test_an_empty_month_stays_null_and_is_no_zero(tmp_path: Path) -> None:
    found = [one.body for one in events(dmv.read(write_dmv(tmp_path, {})))]
    assert [one["miles"] for one in found] == [1000.5, None, *[0.0] * 10]
    assert [found[0]["month"], found[-1]["month"]] == ["2022-12", "2023-11"]
    assert len({one["event_id"] for one in found}) == 12


def test_versions_of_a_report_rise_even_if_the_newer_was_filed_before(tmp_path: Path) -> None:
    filed = [report(3, "MAR-2026"), report(2, "JAN-2026"), report(1, "FEB-2026")]
    items = list(nhtsa.read(write_nhtsa(tmp_path, filed)))
    assert [one.body.report_version for one in events(items)] == [1, 2, 3]
    assert notes(items)["reports"] == 1


def test_a_report_without_an_incident_or_with_an_odd_version_is_set_aside(tmp_path: Path) -> None:
    none = report(1, "MAR-2026", **{"Incident Date": "", "Same Incident ID": " ", "State": ""})
    filed = [none, report(1, "March"), report(1, "MAR-2026", **{"Report Version": "x"})]
    filed.append(report(1, "MAR-2026", **{"SV Precrash Speed (MPH)": "fast"}))
    items = list(nhtsa.read(write_nhtsa(tmp_path, filed)))
    assert refusals(items) == {"NO_INCIDENT": 1, "MALFORMED": 3}


def test_two_forms_meet_in_one_vocabulary() -> None:
    assert severity("Minor W/ Hospitalization") == severity("Minor") == "MINOR"
    assert severity("Property Damage. No Injured Reported") == "NO_INJURY"
    assert severity(" ") == severity("Whatever") == "UNKNOWN"
    spelt = {software(text) for text in ("Gen, Version 10", "Gen,Version 10", "Gen  Version 10")}
    assert spelt == {"Gen Version 10"}
    assert software("[REDACTED, MAY CONTAIN]") is software("-") is software(" ") is None
    assert (engaged("Verified Not Engaged"), engaged("Alleged Engaged")) == (False, None)
    assert (month("MAR-2026"), month("")) == ("2026-03", "")


def drive(*samples: str, run: str = "part1", car: str = "Ford", start: float = 0.0) -> list[str]:
    """`speed,gap,driver` ten times a second."""
    return [
        "{},{:.1f},2,{},{},1,1,1,1,{},{}".format(run, start + at / 10, car, *sample.split(","))
        for at, sample in enumerate(samples)
    ]


def test_a_takeover_is_seen_between_neighbours_of_one_car_in_one_run(tmp_path: Path) -> None:
    lines = drive("10,20,ACC", "11,22,ACC", "11,,Human", "11,22,ACC")
    # The other run of the same car, on the same clock: it is no takeover of the first.
    lines += drive("5,9,Human", "5,9,Human", run="part2", start=0.05)
    # Not recorded in between: nobody saw who took over.
    lines += drive("5,9,ACC", "5,9,", "5,9,Human", run="part3")
    items = list(openacc.read(write_openacc(tmp_path, lines, {"part1": 4, "part2": 2, "part3": 3})))
    changes = [one for one in events(items) if one.kind != "telemetry"]
    assert [one.kind for one in changes] == ["disengagement", "re_engagement"]
    assert changes[0].context is not None
    assert [one["speed_mps"] for one in changes[0].context] == [10, 11, 11]
    assert changes[0].body.initiator is Initiator.TEST_DRIVER


def test_nothing_is_derived_from_drop_outs_standstill_and_gaps_below_zero(tmp_path: Path) -> None:
    lines = drive("10,20,", "12,-0.5,", ",20,", "8,20,", "-0.1,20,", "0,20,")
    items = list(openacc.read(write_openacc(tmp_path, lines, {"part1": 6})))
    told = [(one.body["accel_mps2"], one.body["time_gap_s"]) for one in events(items)]
    assert told == [(None, 2), (20, None), (None, None), (None, 2.5), (-81, None), (1, None)]
    assert notes(items)["jrc_low_speed: gaps below 0"] == 1
    assert notes(items)["jrc_low_speed: speeds missing"] == 1


def test_openacc_refuses_fewer_rows_than_runs_csv_names(tmp_path: Path) -> None:
    lines = drive("10,20,ACC", "10,20,ACC")
    with pytest.raises(ReplayError, match=r"run part1 has 2 rows, runs\.csv names 3"):
        list(openacc.read(write_openacc(tmp_path, lines, {"part1": 3})))
    odd = [*lines, *drive("10,20,Nobody"), "part1,0.3,2", *drive("1,1,", run="part9")]
    items = list(openacc.read(write_openacc(tmp_path, odd, {"part1": 3})))
    assert refusals(items) == {"MALFORMED": 3}


def voices() -> dict[str, object]:
    count = 3
    return {
        "audio": np.arange(30, dtype=np.int16),
        "offset": np.array([0, 8, 16, 30]),
        "speakers": np.array(["ann", "ben"]),
        "digit": np.arange(count),
        "speaker": np.array([0, 1, 0]),
        "take": np.array([0, 4, 5]),
    }


def test_each_speaker_says_one_digit_after_the_other(tmp_path: Path) -> None:
    found = events(fsdd.read(write_arrays(tmp_path / fsdd.FILE, voices())))
    told = [(one.at_us, one.body["device_id"], one.body["split"]) for one in found]
    assert told == [(0, "fsdd/ann", "test"), (0, "fsdd/ben", "test"), (1_000, "fsdd/ann", "train")]
    assert not any("digit" in one.body for one in found), "the truth is the reviewers' to tell"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"offset": np.array([0, 8, 16, 31])}, "offset must rise"),
        ({"offset": np.array([0, 16, 8, 30])}, "offset must rise"),
        ({"audio": np.zeros(30, np.float32)}, "must be int16"),
        ({"take": np.array([0])}, "take: 1, must be one a recording"),
        ({"speaker": np.array([0, 1, 2])}, "an index beyond 2 speakers"),
    ],
)
def test_recordings_that_do_not_fit_together_are_refused(
    tmp_path: Path, change: dict[str, object], said: str
) -> None:
    with pytest.raises(ReplayError, match=said):
        list(fsdd.read(write_arrays(tmp_path / fsdd.FILE, voices() | change)))


def minute() -> dict[str, object]:
    made: dict[str, object] = {}
    for place, signal in enumerate(comma.SIGNALS):
        made[signal.times] = np.array([10.0 + place / 100, 11.0])
        for name, labels in signal.values.items():
            made[name] = np.ones((2, len(labels)), np.float32)
    gnss = np.ones((2, 6))
    gnss[:, 3] = 1_533_226_488_000.0 + np.array([60, 1_000])
    frames = {"raw_can_t": np.array([10.0, 10.5]), "raw_can_addr": np.array([608, 705])}
    data = {"raw_can_src": np.array([0, 128]), "raw_can_data": np.array([b"\x08\x00\xff", b"\x01"])}
    return made | {"gnss": gnss} | frames | data


def test_comma_merges_all_streams_by_time_and_adds_no_zero_bytes(tmp_path: Path) -> None:
    found = events(comma.read(write_arrays(tmp_path / comma.FILE, minute())))
    assert [one.at_us for one in found] == sorted(one.at_us for one in found)
    frames = [one.body["data_hex"] for one in found if one.kind == "can_frame"]
    assert frames == ["0800ff", "01"]
    assert len({one.body["event_id"] for one in found}) == len(found) == 2 * 9


def test_comma_refuses_a_stream_shorter_than_its_times(tmp_path: Path) -> None:
    torn = minute() | {"radar": np.ones((1, 7))}
    with pytest.raises(ReplayError, match=r"radar: \[1, 7\], must be \[2, 7\]"):
        list(comma.read(write_arrays(tmp_path / comma.FILE, torn)))


@pytest.mark.parametrize("name", DATA_SETS)
def test_a_folder_that_lacks_files_is_refused_before_the_first_event(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(ReplayError, match="missing: "):
        next(iter(DATA_SETS[name].read(tmp_path)))
    with pytest.raises(ReplayError, match="no such folder"):
        next(iter(DATA_SETS[name].read(tmp_path / "nowhere")))


def _cut(body: bytes) -> bytes:
    return body[: len(body) // 2]


def _flipped(body: bytes) -> bytes:
    return body[:-6] + bytes([body[-6] ^ 1]) + body[-5:]


def _no_text(_: bytes) -> bytes:
    return gzip.compress(b"Report ID,\xff\xfe")


def _quotes(_: bytes) -> bytes:
    return gzip.compress(b'"open')


@pytest.mark.parametrize("spoil", [_cut, _flipped, _no_text, _quotes])
def test_a_torn_table_is_refused_whole(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    write_nhtsa(tmp_path, [report(1, "MAR-2026")])
    path = tmp_path / next(iter(nhtsa.FILES))
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(ReplayError, match=path.name):
        list(nhtsa.read(tmp_path))


def test_a_torn_archive_of_pictures_or_sound_is_refused_whole(tmp_path: Path) -> None:
    path = write_arrays(tmp_path / fsdd.FILE, voices()) / fsdd.FILE
    path.write_bytes(_cut(path.read_bytes()))
    with pytest.raises(ReplayError, match=r"not a readable \.npz"):
        list(fsdd.read(tmp_path))
