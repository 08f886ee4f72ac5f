"""Traces: what is a line, what is refused, and that a replay decides as the run did."""

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import pytest

from schemas.records import ReleaseKind as K
from schemas.topics import (
    DISENGAGEMENTS,
    INFERENCE_EVENTS,
    MODEL_RELEASES,
    OTA_ACKS,
    ROLLOUT_COMMANDS,
)
from streams.rollout.trace import Line, Refusal, TraceError, read_trace
from streams.rollout.trace_player import play
from tests.rollout_log import SECOND, START, proposal
from tests.rollout_world import DEMO_POLICY, Fault, World

ACK = {
    "device_id": "d1",
    "device_class": "VEHICLE",
    "hardware": "HW3",
    "release_id": "r1",
    "attempt": 1,
    "state": "ACCEPTED",
}


def line(topic: str, value: Any, at: Any = START) -> str:
    return json.dumps({"at": at, "topic": topic, "value": value})


def proposed() -> str:
    return line(MODEL_RELEASES.name, dataclasses.asdict(proposal("r1")))


def approved(at: int = START + SECOND) -> str:
    order = {"release_id": "r1", "command": "APPROVE", "by": "ann"}
    return line(ROLLOUT_COMMANDS.name, order, at)


def test_what_nobody_stated_is_empty_and_named_by_its_line() -> None:
    (found,) = read_trace([line("ota-acks", ACK)])
    assert isinstance(found, Line)
    assert (found.record.event_id, found.record.source) == ("line-1", "replay:trace")
    assert (found.record.region, found.record.model_digest) == ("NOT_STATED", None)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"state": "FLYING"}, "state: 'FLYING': one of UNKNOWN, OFFERED"),
        ({"attempt": "1"}, "attempt: '1': int is wanted"),
        ({"attempt": True}, "attempt: True: int is wanted"),
        ({"hardware": "HW9"}, "hardware: 'HW9': is in the catalogue"),
        ({"model_digest": "abc"}, "model_digest: 'abc'"),
        ({"colour": "red"}, "colour: 'red': known: event_id, source"),
        ({"preconditions": []}, "preconditions: []: a mapping of fields is wanted"),
        ({"device_id": "d" * 1_025}, "device_id"),
    ],
)
def test_a_value_that_breaks_a_rule_is_refused_by_field(changed: dict[str, Any], told: str) -> None:
    (found,) = read_trace([line("ota-acks", ACK | changed)])
    assert isinstance(found, Refusal)
    assert told in found.reason


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "line 1: no JSON"),
        ("[]", "line 1: its keys are at, topic and value"),
        (line("ota-acks", ACK, at="now"), "line 1: at='now' must be whole microseconds"),
        (line("ota-acks", ACK, at=True), "line 1: at=True must be"),
        (line("ota-acks", ACK, at=-1), "line 1: at=-1 must be"),
        (line("alerts", {}), "line 1: topic='alerts' is none of ota-acks"),
    ],
)
def test_what_is_no_line_of_a_trace_is_named(text: str, told: str) -> None:
    with pytest.raises(TraceError, match=told.replace("[", r"\[")):
        list(read_trace([text]))


def test_time_does_not_go_back() -> None:
    with pytest.raises(TraceError, match="line 3: at=1 is before 2"):
        list(read_trace([line("ota-acks", ACK, 2), "", line("ota-acks", ACK, 1)]))


def test_an_empty_trace_decides_nothing() -> None:
    played = play(read_trace([]), DEMO_POLICY)
    assert (played.decisions, played.refusals) == ((), ())


def test_meaning_is_refused_by_line_and_changes_nothing() -> None:
    bad = [
        line("ota-acks", ACK | {"release_id": "nobody's"}, START + 9 * SECOND),
        line("ota-acks", ACK | {"hardware": "OPTIMUS_G2"}, START + 9 * SECOND),
    ]
    trace = [proposed(), approved(), *bad, line("devices", ACK, START + 60 * SECOND)]
    played = play(read_trace(trace), DEMO_POLICY)
    without = play(read_trace([proposed(), approved(), trace[-1]]), DEMO_POLICY)
    told = {one.number: one.reason for one in played.refusals}
    assert "release nobody's was not proposed" in told[3]
    assert "release r1 is for HW3, HW4, AI5, not for OPTIMUS_G2" in told[4]
    assert kinds(played.decisions) == kinds(without.decisions)


def test_waiting_alone_moves_the_gate_at_its_own_times() -> None:
    trace = [proposed(), approved(), line("devices", ACK, START + 300 * SECOND)]
    played = play(read_trace(trace), DEMO_POLICY)
    times = {one.record.kind: (one.at_us - START) / SECOND for one in played.decisions}
    opened, soak = times[K.WAVE_OPENED], DEMO_POLICY.soak_s + DEMO_POLICY.patience_s
    assert times[K.WAVE_EXTENDED] >= opened + soak
    assert times[K.HELD] <= opened + 8 * (soak + 3), "each widening waits as long, and no longer"


def test_a_replay_decides_what_the_run_decided() -> None:
    fault = Fault(kind="INSTALL_FAILED", strata=("HW3",), share=0.6)
    world = World(seed=7, faults={"r1": fault}, fleet={"HW3": 60, "HW4": 60})
    world.propose("r1", 1)
    world.run(22)
    played = play(read_trace(lines_of(world)), DEMO_POLICY)
    assert played.refusals == ()
    for stratum in ("HW3", "HW4", None):
        ran = [steps(one) for one in world.decisions("r1")[1:] if one.stratum == stratum]
        again = [steps(one.record) for one in played.decisions if one.record.stratum == stratum]
        assert again == ran, stratum
        assert ran, stratum


def steps(record: Any) -> tuple[Any, ...]:
    return record.kind.value, record.wave, record.share


def kinds(decisions: Any) -> list[tuple[Any, ...]]:
    return [(one.record.stratum, *steps(one.record), one.at_us) for one in decisions]


WRITTEN = {
    spec.name
    for spec in (OTA_ACKS, INFERENCE_EVENTS, DISENGAGEMENTS, ROLLOUT_COMMANDS, MODEL_RELEASES)
}


def lines_of(world: World) -> Iterator[str]:
    """What the world's devices and people wrote, in the order of its stamps."""
    told = [
        (stamp, topic, dataclasses.asdict(record))
        for (topic, _), log in world.logs.records.items()
        if topic in WRITTEN
        for stamp, record in log
    ]
    for stamp, topic, value in sorted(told, key=lambda one: one[0]):
        if topic == OTA_ACKS.name:
            value["device_ts"] = stamp
        yield line(topic, value, stamp)
