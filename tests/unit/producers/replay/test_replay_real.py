"""The real data sets: every count, rate and detected event that their SOURCE.md states."""

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from producers.replay.events import Event, Item, Note, Refused
from producers.replay.sets import DATA_SETS
from schemas.topics import TopicSpec
from schemas.validation import check_all

SHARED = Path(os.environ.get("FLEETLOOP_SHARED", Path(__file__).parents[5] / "shared")) / "data"
STAMP_US = 1_790_000_000_000_000
NEVER_AN_INCIDENT = 1
"""Reports no version of which tells of an incident; two others got one later."""
FOLDERS = {
    "gtsrb": "gtsrb_tracks",
    "openacc": "openacc_fleet",
    "dmv": "dmv_disengagements",
    "nhtsa": "nhtsa_sgo",
    "comma": "comma2k19_minute",
    "fsdd": "fsdd_voice",
    "nezha": "nezha_latency",
    "nab": "nab_labelled",
    "azure": "azure_llm_2023",
}


@dataclass
class Found:
    """What a data set gave, and the records that go to topics."""

    kinds: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    notes: dict[str, str | int | float] = field(default_factory=dict)
    devices: dict[str, set[str]] = field(default_factory=dict)
    records: list[Event] = field(default_factory=list)
    ids: set[tuple[str, str]] = field(default_factory=set)
    span: list[int] = field(default_factory=list)
    disorder: int = 0

    def take(self, item: Item) -> None:
        match item:
            case Event():
                self._event(item)
            case Refused():
                self.refused[item.why] += 1
            case Note():
                self.notes[item.what] = item.value

    def _event(self, event: Event) -> None:
        body = event.body
        told = body if isinstance(body, dict) else {"event_id": body.event_id}
        self.kinds[event.kind] += 1
        self.ids.add((event.kind, told["event_id"]))
        self.devices.setdefault(event.kind, set()).add(str(told.get("device_id", "")))
        self.disorder += bool(self.span) and event.at_us < self.span[-1]
        self.span = [self.span[0] if self.span else event.at_us, event.at_us]
        if event.topic is not None:
            self.records.append(event)


def found(name: str) -> Found:
    folder = SHARED / FOLDERS[name]
    if not folder.is_dir():
        pytest.skip(f"needs the data set in {folder} (FLEETLOOP_SHARED)")
    gathered = Found()
    for item in DATA_SETS[name].read(folder):
        gathered.take(item)
    assert gathered.kinds.total() == len(gathered.ids), "every event has an identity of its own"
    assert gathered.disorder == 0, "events come by time"
    return gathered


def valid(gathered: Found, topic: TopicSpec) -> None:
    records = [event.body for event in gathered.records]
    assert all(event.topic is topic for event in gathered.records)
    assert check_all(topic, records, [STAMP_US] * len(records)) == []


def test_gtsrb_every_track_is_one_encounter() -> None:
    gathered = found("gtsrb")
    assert gathered.kinds == {"frame": 7_841}
    assert gathered.notes == {"tracks": 1_307, "tracks with fewer frames": 1, "classes": 43}
    assert len(gathered.devices["frame"]) == 20


def test_openacc_has_19_takeovers_and_28_re_engagements() -> None:
    gathered = found("openacc")
    rows = 164_352 + 88_414 + 462_195
    assert gathered.kinds == {"telemetry": rows, "disengagement": 19, "re_engagement": 28}
    assert gathered.notes["zalazone: gaps below 0"] == 572
    missing = [value for what, value in gathered.notes.items() if what.endswith("missing")]
    assert sum(int(value) for value in missing) / rows == pytest.approx(0.03, abs=0.005)
    assert len(gathered.devices["telemetry"]) == 16, "15 cars of SOURCE.md, one in two campaigns"
    assert not gathered.refused
    whole = 0
    for event in gathered.records:
        assert event.context is not None
        times = [one["event_ts"] for one in event.context]
        assert (times[-1], times[-1] - times[0]) == (event.at_us, (len(times) - 1) * 100_000)
        whole += len(times) == 101
    assert whole == 12, "in 7 runs the takeover came before 10 s were over"
    valid(gathered, DATA_SETS["openacc"].topics[0])


def test_dmv_keeps_its_blank_lines_finds_its_burst_and_both_mismatches() -> None:
    gathered = found("dmv")
    assert gathered.kinds == {"disengagement": 2_676 + 8_216 + 6_562, "mileage": 1_603 * 12}
    assert gathered.refused == {"BLANK": 6_125 + 30}
    years = Counter(event.file for event in gathered.records)
    assert list(years.values()) == [2_676, 8_216, 6_562]
    for year, vehicles in ((2021, 282), (2022, 248), (2023, 272)):
        of = {e.body.device_id for e in gathered.records if e.file.startswith(str(year))}
        assert len(of) == vehicles
    assert gathered.notes["2022: most events, of permit AVT030"] == 5_982
    assert gathered.notes["2023: most events, of permit AVT030"] == 3_194
    assert gathered.notes["mileage: vehicles"] == 1_600
    assert round(float(gathered.notes["mileage: miles by ANNUAL TOTAL"])) == 5_748_299
    assert gathered.notes["mileage: rows without ANNUAL TOTAL"] == 47
    assert gathered.notes["events reported"] == gathered.notes["events declared"] == 6_562
    mismatches = {name: value for name, value in gathered.notes.items() if "mismatch" in name}
    assert mismatches == {
        "mismatch of permit AVT015": "0 reported, 3 declared",
        "mismatch of permit AVT017": "24 reported, 21 declared",
    }
    initiators = Counter(event.body.initiator.value for event in gathered.records)
    assert initiators["UNKNOWN"] == 0
    valid(gathered, DATA_SETS["dmv"].topics[0])


def test_nhtsa_revisions_do_not_double_and_no_old_one_comes_behind_a_new_one() -> None:
    gathered = found("nhtsa")
    rows = 317 + 865 + 883 + 1_225 + 18
    assert gathered.kinds == {"incident": rows - 3}
    assert gathered.refused == {"NO_INCIDENT": 3}
    assert gathered.notes["reports"] == 233 + 447 + 851 + 1_147 + 18 - NEVER_AN_INCIDENT
    newest: dict[str, int] = {}
    for event in gathered.records:
        assert event.body.report_version > newest.get(event.body.report_id, 0)
        newest[event.body.report_id] = event.body.report_version
    severities = Counter(event.body.severity for event in gathered.records)
    assert set(severities) == {"UNKNOWN", "FATAL", "SERIOUS", "MODERATE", "MINOR", "NO_INJURY"}
    assert severities["FATAL"] == 14 + 15 + 1
    versions = Counter(event.body.software_version for event in gathered.records)
    assert versions["5th Generation ADS Version 10"] == 694 + 13 + 3 + 2
    valid(gathered, DATA_SETS["nhtsa"].topics[0])


def test_comma_has_its_rates_and_both_speeds_agree() -> None:
    gathered = found("comma")
    assert gathered.kinds["can_frame"] == 135_468
    seconds = (gathered.span[1] - gathered.span[0]) / 1e6
    rates = {kind: count / seconds for kind, count in gathered.kinds.items()}
    assert rates["can_frame"] == pytest.approx(2_258, rel=0.002)
    for kind, rate in (("can_speed", 83), ("accel", 104), ("pose", 20), ("gnss", 10)):
        assert rates[kind] == pytest.approx(rate, rel=0.04)
    assert gathered.notes == {"mean CAN speed, m/s": 16.73, "mean GNSS speed, m/s": 16.87}
    assert gathered.span[0] // 1_000_000 == 1_533_226_488, "2018-08-02, by the car's own GNSS"


def test_fsdd_has_800_recordings_of_4_people() -> None:
    gathered = found("fsdd")
    assert gathered.kinds == {"recording": 800}
    assert gathered.notes == {"seconds of speech": 385.5, "speakers": 4}


def test_nezha_has_a_record_a_minute_and_pod_and_keeps_the_faults_back() -> None:
    gathered = found("nezha")
    assert gathered.kinds == {"entry_minute": 255, "pod_minute": 2_550}
    assert len(gathered.devices["pod_minute"]) == 10
    assert gathered.notes == {"injected faults, not replayed": 24}


def test_nab_has_every_point_and_one_series_without_a_window() -> None:
    gathered = found("nab")
    assert gathered.kinds == {"point": 89_304}
    assert gathered.notes["series"] == len(gathered.devices["point"]) == 20
    assert gathered.notes["labelled windows"] == 35
    assert gathered.notes["series without a window"] == 1


def test_azure_has_every_arrival_of_both_services_within_the_hour() -> None:
    gathered = found("azure")
    assert gathered.kinds == {"arrival": 8_819 + 19_366}
    assert gathered.devices["arrival"] == {"azure/code", "azure/conv"}
    assert (gathered.span[1] - gathered.span[0]) / 1e6 == pytest.approx(3_513, abs=2)
