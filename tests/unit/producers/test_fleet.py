"""A whole fleet in one process, from a proposal on the log to records and back."""

import dataclasses
import errno
import logging
from typing import Any, NoReturn

import numpy as np
import pytest

from producers.device.flash_json import from_json, to_json
from producers.device.people import people
from schemas.cohorts import membership
from schemas.film_strips import from_png
from schemas.histograms import count
from schemas.records import AckState as A
from schemas.records import ReleaseKind as K
from schemas.records import Trigger
from schemas.topics import DEVICES, DISENGAGEMENTS, EDGE_CASES, INFERENCE_EVENTS, OTA_ACKS
from schemas.validation import check
from tests.unit.producers.device import kit
from tests.unit.producers.device.fleet_kit import Stage


def finals(stage: Stage) -> list[tuple[str, A, str]]:
    ends = (A.COMMITTED, A.REVERTED, A.INSTALL_FAILED, A.REJECTED)
    acks = stage.outbox.on(OTA_ACKS)
    return [(one.release_id, one.state, one.reason_code) for one in acks if one.state in ends]


def completed(stage: Stage, release_id: str) -> None:
    stage.release(release_id)
    stage.log.must(release_id, K.COMPLETED)


def order_back(stage: Stage, release_id: str, to: str) -> None:
    digest = stage.log.book.releases[to].digest
    stage.log.must(
        release_id, K.ROLLBACK_ORDERED, rollback_to_release_id=to, rollback_to_digest=digest
    )


def test_before_any_release_devices_only_register() -> None:
    stage = Stage()
    stage.play(3)
    assert {topic for topic, _ in stage.outbox.sent} == {DEVICES.name}
    assert len(stage.outbox.on(DEVICES)) == 2
    assert stage.pictured.requests == []


def test_a_release_reaches_every_member_within_five_seconds() -> None:
    stage = Stage(devices={"HW3": 20})
    stage.release("r1")
    stage.play(5.5)
    assert finals(stage) == [("r1", A.COMMITTED, "")] * 20
    assert stage.running() == ["r1"] * 20


def test_only_members_of_the_wave_take_it_and_a_held_release_takes_no_new_one() -> None:
    stage = Stage(devices={"HW3": 40})
    completed(stage, "r1")
    stage.play(6)
    second = stage.release("r2", 0.4, parent_release_id="r1")
    stage.log.must("r2", K.HELD)
    stage.play(8)
    assert set(stage.running()) == {"r1"}
    stage.log.must("r2", K.RESUMED)
    stage.play(8)
    ids = [device.who.device_id for device in stage.fleet.devices]
    inside = {one for one in ids if membership(second.salt, one) < 0.4}
    taken = {one for one, release in zip(ids, stage.running(), strict=True) if release == "r2"}
    assert taken == inside
    assert 5 < len(inside) < 30


def test_every_record_obeys_the_rules_and_windows_add_up() -> None:
    stage = Stage(devices={"HW3": 8}, triggers={"random_share": 0.5})
    stage.release("r1")
    stage.play(20)
    stage.fleet.stop()
    for topic in (DEVICES, OTA_ACKS, INFERENCE_EVENTS, EDGE_CASES):
        assert stage.outbox.on(topic)
        for record in stage.outbox.on(topic):
            check(topic.name, record, stage.now)
    windows = stage.outbox.on(INFERENCE_EVENTS)
    assert sum(one.produced for one in windows) == stage.fleet.figures.frames
    for one in windows:
        assert one.produced == one.expected == sum(one.confidence) == sum(one.classes)
        assert count(one.latency) == one.produced - one.warmup
        assert sum(one.latency.counts[max(0, -one.latency.offset) :]) == one.late
    assert sum(one.warmup for one in windows) == 8


def test_windows_of_a_device_do_not_overlap_and_leave_nothing_out() -> None:
    stage = Stage(devices={"HW3": 1})
    stage.release("r1")
    stage.play(20)
    stage.fleet.stop()
    windows = stage.outbox.on(INFERENCE_EVENTS)
    assert [one.window_start for one in windows[1:]] == [one.window_end for one in windows[:-1]]
    assert {one.window_end - one.window_start for one in windows[:-1]} == {2 * kit.SECOND}
    assert {one.expected for one in windows[1:-1]} == {4}


def test_a_model_too_slow_for_its_deadline_is_reverted_in_its_trial() -> None:
    # HW3 takes 100 times as long as the reference core: 1 ms here is 100 ms there.
    stage = Stage(devices={"HW3": 5}, factor_ns={"r2": 1_000_000})
    completed(stage, "r1")
    stage.play(6)
    stage.release("r2", parent_release_id="r1")
    stage.play(10)
    assert finals(stage)[5:] == [("r2", A.REVERTED, "DEADLINE_MISSES")] * 5
    assert stage.running() == ["r1"] * 5
    trial = [one for one in stage.outbox.on(INFERENCE_EVENTS) if one.release_id == "r2"]
    assert sum(one.late for one in trial) == sum(one.produced - one.warmup for one in trial) > 0
    assert trial[0].latency.max_us == 100_000


def test_a_file_with_another_digest_is_never_run() -> None:
    stage = Stage()
    stage.release("r1", artifact={"digest": "0" * 64})
    stage.play(6)
    assert finals(stage) == [("r1", A.INSTALL_FAILED, "DIGEST_MISMATCH")] * 2
    assert stage.running() == [None, None]
    assert stage.outbox.on(INFERENCE_EVENTS) == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"deadline_us": {"HW4": 50_000}}, "NO_DEADLINE"),
        ({"artifact": {"input_shape": (1, 64, 64, 3)}}, "WRONG_INPUT"),
        ({"artifact": {"format": "tflite"}}, "WRONG_FORMAT"),
    ],
)
def test_a_release_that_devices_cannot_run_is_rejected(
    changes: dict[str, Any], reason: str
) -> None:
    stage = Stage()
    stage.release("r1", **changes)
    stage.play(6)
    assert finals(stage) == [("r1", A.REJECTED, reason)] * 2


def test_an_order_back_brings_every_device_to_the_parent() -> None:
    stage = Stage(devices={"HW3": 10})
    completed(stage, "r1")
    stage.play(6)
    stage.release("r2", parent_release_id="r1")
    stage.play(2)  # some are in the middle of their attempt
    order_back(stage, "r2", "r1")
    stage.play(4)
    assert stage.running() == ["r1"] * 10
    back = [ack for ack in stage.outbox.on(OTA_ACKS) if ack.reason_code == "ROLLBACK_ORDERED"]
    assert len(back) == len({ack.device_id for ack in back})
    assert {ack.model_digest for ack in back} == {stage.log.book.releases["r1"].digest}


def test_committed_devices_switch_back_with_their_next_frame() -> None:
    stage = Stage(devices={"HW3": 10})
    completed(stage, "r1")
    stage.play(6)
    stage.release("r2", parent_release_id="r1")
    stage.play(6)
    assert stage.running() == ["r2"] * 10
    order_back(stage, "r2", "r1")
    stage.play(0.8)
    assert stage.running() == ["r1"] * 10
    assert finals(stage)[-10:] == [("r2", A.REVERTED, "ROLLBACK_ORDERED")] * 10


def test_a_device_that_was_away_gets_the_current_decision_not_the_queued_ones() -> None:
    stage = Stage(devices={"HW3": 6}, owners={"away": 0.5, "away_every_s": 100, "away_for_s": 50})
    completed(stage, "r1")
    stage.play(6)
    here = [index for index, release in enumerate(stage.running()) if release == "r1"]
    assert 0 < len(here) < 6
    stage.release("r2", parent_release_id="r1")
    order_back(stage, "r2", "r1")
    stage.play(110)
    acks = stage.outbox.on(OTA_ACKS)
    assert {ack.release_id for ack in acks} == {"r1"}
    assert stage.running().count("r1") >= 4


def test_a_restart_goes_on_with_a_higher_boot_and_the_same_models() -> None:
    stage = Stage()
    stage.release("r1")
    stage.play(8)
    stage.fleet.stop()
    kept = from_json(to_json(stage.saved))
    encounters = {one.encounter_id for one in stage.outbox.on(EDGE_CASES)}
    boots = {one.event_id.split("/")[1] for one in stage.outbox.on(INFERENCE_EVENTS)}
    stage.outbox.sent.clear()
    stage.start(kept)
    stage.play(5)
    stage.fleet.stop()
    assert stage.running() == ["r1", "r1"]
    assert stage.outbox.on(OTA_ACKS) == []
    later = {one.event_id.split("/")[1] for one in stage.outbox.on(INFERENCE_EVENTS)}
    assert min(map(int, later)) > max(map(int, boots))
    assert encounters.isdisjoint(one.encounter_id for one in stage.outbox.on(EDGE_CASES))


def test_a_process_killed_in_a_trial_comes_back_in_the_trial_and_commits_the_same_attempt() -> None:
    stage = Stage(devices={"HW3": 3})
    completed(stage, "r1")
    stage.play(6)
    stage.release("r2", parent_release_id="r1")
    while not all(kept.slots.trial for kept in stage.saved.values()):
        stage.fleet.step()
    kept = from_json(to_json(stage.saved))
    stage.outbox.sent.clear()
    stage.start(kept)
    assert [ack.state for ack in stage.outbox.on(OTA_ACKS)] == [A.TRIAL_BOOT] * 3
    stage.play(6)
    assert finals(stage) == [("r2", A.COMMITTED, "")] * 3
    assert {ack.attempt for ack in stage.outbox.on(OTA_ACKS)} == {1}


def test_a_full_disk_ends_the_process_with_every_window_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: Any, **__: Any) -> NoReturn:
        raise OSError(errno.ENOSPC, "cannot store object: no space left on device")

    stage = Stage(devices={"HW3": 4}, triggers={"random_share": 1.0})
    stage.release("r1")
    stage.play(4)
    monkeypatch.setattr(stage.album, "put", full)
    with pytest.raises(OSError, match="no space left on device"):
        stage.fleet.run(lambda: False)
    assert {one.device_id for one in stage.outbox.on(INFERENCE_EVENTS)} == {
        device.who.device_id for device in stage.fleet.devices
    }
    assert stage.outbox.flushes > 0
    assert [device._windows.close(stage.now) for device in stage.fleet.devices] == [None] * 4


def test_a_restart_reads_the_whole_log_before_any_device_obeys_it() -> None:
    stage = Stage(devices={"HW3": 4})
    completed(stage, "r1")
    stage.play(6)
    stage.release("r2", parent_release_id="r1")
    stage.play(6)
    assert stage.running() == ["r2"] * 4
    stage.fleet.stop()
    stage.outbox.sent.clear()
    stage.start(stage.saved)
    assert stage.told == len(stage.log.records)
    stage.play(6)
    assert stage.outbox.on(OTA_ACKS) == []
    assert stage.running() == ["r2"] * 4


def test_a_process_that_falls_behind_shifts_its_schedule_and_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stage = Stage()
    stage.release("r1")
    stage.play(8)
    before = sum(one.expected for one in stage.outbox.on(INFERENCE_EVENTS))
    stage.now += 30 * kit.SECOND
    with caplog.at_level(logging.WARNING):
        stage.play(4)
    stage.fleet.stop()
    assert stage.fleet.figures.shifts == 1
    assert "29.7 s behind its schedule" in caplog.text
    windows = stage.outbox.on(INFERENCE_EVENTS)
    assert all(one.produced == one.expected for one in windows)
    assert sum(one.expected for one in windows) - before <= 2 * (4 + 2) * 2
    assert finals(stage) == [("r1", A.COMMITTED, "")] * 2


def test_an_edge_case_stands_for_its_encounter() -> None:
    stage = Stage(
        devices={"HW3": 1}, triggers={"random_share": 1.0}, owners={"consent_pictures": 1}
    )
    stage.release("r1")
    stage.play(12)
    cases = stage.outbox.on(EDGE_CASES)
    first = cases[0]
    assert first.trigger is Trigger.RANDOM
    device, number = first.encounter_id.split("/")
    assert device == first.device_id
    strip = from_png(stage.album.bodies[first.frame.digest])
    assert strip.shape == (3, 32, 32, 3)
    assert (first.frame.width, first.frame.height) == (96, 32)
    assert int(strip[0, 0, 0, 0]) == (10, 128, 245)[int(number) % 3]
    assert np.linalg.norm(first.embedding) == pytest.approx(1.0, abs=1e-6)
    assert first.context.light == "DAY"


def test_takeovers_are_the_same_in_every_run_and_name_their_cause() -> None:
    def takeovers() -> list[tuple[str, str]]:
        stage = Stage(devices={"HW3": 4}, drive={"takeover_share": 0.5, "frames_per_second": 2})
        stage.release("r1")
        stage.play(15)
        return [(one.encounter_id, one.cause) for one in stage.outbox.on(DISENGAGEMENTS)]

    first = takeovers()
    assert first == takeovers()
    assert {cause for _, cause in first} == {"DRIVER_CHOICE"}


def test_a_model_that_fails_while_driving_counts_its_frames_as_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = Stage(devices={"HW3": 1})
    stage.release("r1")
    stage.play(8)
    (device,) = stage.fleet.devices
    assert device.engine is not None
    nothing = (np.full((1, 3), np.nan, np.float32), np.zeros((1, 4), np.float32))
    monkeypatch.setattr(device.engine, "_run", lambda _: nothing)
    stage.outbox.sent.clear()
    stage.play(4)
    windows = stage.outbox.on(INFERENCE_EVENTS)
    assert windows[-1].expected > windows[-1].produced == 0
    assert stage.fleet.figures.missed > 0


def test_shards_divide_the_devices_and_share_out_the_regions() -> None:
    scenario = kit.scenario(
        devices={"HW3": 300, "HW4": 100},
        regions={"city": 3, "alps": 1},
        weather={"city": {"CLEAR": 1}, "alps": {"SNOW": 1}},
    )
    parts = [people(scenario, shard, 3) for shard in range(3)]
    ids = [one.device_id for part in parts for one in part]
    assert sorted(ids) == sorted(one.device_id for one in people(scenario))
    assert len(set(ids)) == 400
    regions = [one.region for part in parts for one in part]
    assert regions.count("city") / 400 == pytest.approx(0.75, abs=0.07)


def test_void_decisions_are_obeyed_by_no_device() -> None:
    stage = Stage()
    first = stage.release("r1")
    stage.log.append(dataclasses.replace(first, release_id="forged", counter=9))
    stage.play(6)
    assert set(stage.running()) == {"r1"}
