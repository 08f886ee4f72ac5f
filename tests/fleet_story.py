"""A small fleet whose answers are known: what the tests of rollups and named queries ask about.

Two releases of one line: release-2 is good; release-3 is slow on HW3 from its third minute on and
is ordered back. Minutes are counted from `BEGIN_US`, an hour ago.
"""

import time
from datetime import UTC, datetime
from typing import Any, Final

from consumers.clickhouse.lanes import Closed
from consumers.clickhouse.leases import lease
from consumers.clickhouse.ledger import token
from consumers.clickhouse.preparation import Preparation
from consumers.clickhouse.ranges import Range
from consumers.clickhouse.server import Server
from infra.kafka.message_columns import MessageColumns
from infra.kafka.messages import RawMessage
from schemas import histograms, records, topics
from schemas.registry import FileRegistry
from schemas.topics import TOPICS, TopicSpec
from streams.watch.canary import beat
from tests import factories
from tests.sinks import CODEC

MINUTE_US: Final = factories.MINUTE_US
BEGIN_US: Final = (time.time_ns() // 1_000 // MINUTE_US - 60) * MINUTE_US
TOPIC_ID: Final = "Tx"
DIGESTS: Final = {"release-1": "a" * 64, "release-2": "b" * 64, "release-3": "c" * 64}

_PREPARATION: Final = Preparation(FileRegistry(), TOPICS.values())
_State = records.AckState
_Kind = records.ReleaseKind


def at(minute: float) -> int:
    """Microseconds of a minute of the story."""
    return BEGIN_US + int(minute * MINUTE_US)


GIVEN: Final = {
    "release": "release-3",
    "a": "release-2",
    "b": "release-3",
    "hardware": "HW3",
    "device": "d1",
    "dataset": "signs-2",
    "line": "signs",
    "topic": "inference-events",
    "severity": "PAGE",
    "hours": "48",
    "begin": f"{datetime.fromtimestamp(at(0) / 1e6, UTC):%Y-%m-%d %H:%M:%S}",
}
"""A value for each parameter of the named queries that has no default or one that asks for all."""


def story() -> dict[str, list[Any]]:
    """Records by topic name, in the order of the log; every topic has at least one."""
    return {topic: [example()] for topic, example in factories.EXAMPLES.items()} | {
        topics.DEVICES.name: _devices(),
        topics.MODEL_RELEASES.name: _releases(),
        topics.OTA_ACKS.name: _acks(),
        topics.INFERENCE_EVENTS.name: [*windows(), beat(0, 1, 0, at(4))],
        topics.DISENGAGEMENTS.name: _disengagements(),
        topics.EDGE_CASES.name: _edge_cases(),
        topics.LABEL_REQUESTS.name: _requests(),
        topics.LABEL_REVIEWS.name: _reviews(),
        topics.DATASET_MANIFESTS.name: _manifests(),
        topics.ALERTS.name: _alerts(),
        topics.ROLLOUT_COMMANDS.name: [
            factories.rollout_command(release_id="release-3", reason="late at night")
        ],
        topics.DEAD_LETTERS.name: [
            factories.dead_letter(topic_id=TOPIC_ID, offset=len(windows()) + 1, ts=at(0))
        ],
    }


def windows() -> list[records.InferenceEvent]:
    """HW3 by minute: 40 ms, then 60 ms with half of them late; histograms of four scales."""
    fast = [10_000 + 700 * n for n in range(50)]
    return [
        factories.inference_event(
            event_id=f"w/{release}/{minute}",
            device_id=f"d{minute % 2 + 1}",
            region="city" if minute % 2 else "alps",
            release_id=release,
            window_start=at(minute),
            window_end=at(minute) + 10_000_000,
            late=50 if slow else 0,
            latency=histograms.from_ratios(
                [us * 2 if slow else us for us in [*fast, *fast]], 50_000, scale=3 + minute
            ),
            distance_m=500.0,
            energy_j=None if minute == 0 else 12.5,
        )
        for release in ("release-2", "release-3")
        for minute in range(4)
        for slow in [release == "release-3" and minute >= 2]
    ]


def _devices() -> list[records.Device]:
    told = [("d1", "a", "ACTIVE"), ("d2", "a", "ACTIVE"), ("d4", "d", "ACTIVE")]
    told += [("d5", "a", "RETIRED"), ("d1", "b", "ACTIVE")]
    return [
        factories.device(
            event_id=f"r/{number}",
            device_id=device,
            slot_a_digest=digest * 64,
            lifecycle=records.Lifecycle(life),
        )
        for number, (device, digest, life) in enumerate(told)
    ]


def _releases() -> list[records.ModelRelease]:
    steps = [
        ("release-1", 0, _Kind.PROPOSED, None, 0.0),
        ("release-1", 1, _Kind.COMPLETED, "HW3", 0.5),
        ("release-2", 0, _Kind.PROPOSED, None, 6.0),
        ("release-2", 1, _Kind.WAVE_OPENED, "HW3", 7.0),
        ("release-2", 2, _Kind.COMPLETED, "HW3", 17.0),
        ("release-3", 0, _Kind.PROPOSED, None, 18.0),
        ("release-3", 1, _Kind.ROLLBACK_ORDERED, "HW3", 20.0),
    ]
    return [
        factories.model_release(
            event_id=f"{release}/{seq}",
            release_id=release,
            kind=kind,
            decision_seq=seq,
            decided_ts=at(minute),
            stratum=stratum,
            counter=int(release[-1]),
            artifact=factories.artifact(digest=DIGESTS[release]),
            dataset_id=f"signs-{release[-1]}" if kind is _Kind.PROPOSED else None,
        )
        for release, seq, kind, stratum, minute in steps
    ]


def _acks() -> list[records.OtaAck]:
    attempts = [
        ("d1", 1, [(_State.ACCEPTED, ""), (_State.INSTALLED, ""), (_State.COMMITTED, "")]),
        ("d2", 1, [(_State.ACCEPTED, ""), (_State.INSTALL_FAILED, "DIGEST_MISMATCH")]),
        ("d2", 2, [(_State.ACCEPTED, ""), (_State.COMMITTED, "")]),
        ("d3", 1, [(_State.COMMITTED, ""), (_State.REVERTED, "ROLLBACK_ORDERED")]),
    ]
    return [
        factories.ota_ack(
            event_id=f"{device}/{attempt}/{seq}",
            device_id=device,
            release_id="release-3",
            attempt=attempt,
            seq=seq,
            state=state,
            reason_code=reason,
            device_ts=at(19) + seq,
        )
        for device, attempt, steps in attempts
        for seq, (state, reason) in enumerate(steps)
    ]


def _disengagements() -> list[records.Disengagement]:
    """Two events, the second sent twice."""
    return [
        factories.disengagement(
            event_id=f"e/{number}", device_id="d1", release_id="release-2", event_ts=at(number)
        )
        for number in (1, 2, 2)
    ]


def _edge_cases() -> list[records.EdgeCase]:
    seen = [("d1/1", records.Trigger.MARGIN, 500_000), ("d1/2", records.Trigger.MARGIN, 500_000)]
    seen.append(("d2/1", records.Trigger.FLIP, 2_000_000))
    return [
        factories.edge_case(
            event_id=f"case/{encounter}",
            device_id=encounter[:2],
            encounter_id=encounter,
            trigger=trigger,
            uplink_bytes=size,
            captured_ts=at(1),
        )
        for encounter, trigger, size in seen
    ]


def _requests() -> list[records.LabelRequest]:
    return [
        factories.label_request(
            event_id=f"q/{encounter}",
            device_id="d1",
            ask_id="ask-2",
            edge_case_id=f"case/{encounter}",
            encounter_id=encounter,
            asked_ts=at(2),
        )
        for encounter in ("d1/1", "d1/2")
    ]


def _reviews() -> list[records.LabelReview]:
    return [
        factories.label_review(
            event_id=f"a/{encounter}",
            device_id="d1",
            edge_case_id=f"case/{encounter}",
            encounter_id=encounter,
            label=label,
            seconds_spent=seconds,
            reviewed_ts=at(3),
        )
        for encounter, label, seconds in (("d1/1", "stop", 4.0), ("d1/2", "SKIP", 2.0))
    ]


def _manifests() -> list[records.DatasetManifest]:
    """The seed, then a question, its cut and the dataset."""
    answers = factories.offset_range(topic="label-reviews", topic_id=TOPIC_ID, last_offset=1)
    cases = factories.offset_range(topic="edge-cases", topic_id=TOPIC_ID, last_offset=2)
    kinds = records.ManifestKind
    steps = [
        ("seed-1", kinds.ASSEMBLED, "signs-1", ()),
        ("ask-2", kinds.ASK, "signs-2", (cases,)),
        ("cut-2", kinds.CUT, "signs-2", (cases, answers)),
        ("set-2", kinds.ASSEMBLED, "signs-2", (cases, answers)),
    ]
    return [
        factories.dataset_manifest(
            event_id=event,
            kind=kind,
            dataset_id=dataset,
            seq=seq,
            parent="signs-1" if seq else None,
            inputs=inputs,
            assembled_ts=at(4 if seq else 0),
        )
        for seq, (event, kind, dataset, inputs) in enumerate(steps)
    ]


def _alerts() -> list[records.Alert]:
    """A page that fires at minute 3 and resolves two minutes later."""
    steps = [(records.AlertState.FIRING, 3.0, None), (records.AlertState.RESOLVED, 5.0, at(5))]
    return [
        factories.alert(
            event_id=f"alert-1/{seq}",
            seq=seq,
            state=state,
            starts_at=at(2),
            detected_at=at(minute),
            evaluated_at=at(minute),
            resolved_at=resolved,
            detection_delay_ms=60_000,
        )
        for seq, (state, minute, resolved) in enumerate(steps)
    ]


def store(
    server: Server, spec: TopicSpec, told: list[Any], *, first: int = 0, label: str = TOPIC_ID
) -> None:
    """Insert records as the sink does: one block under the token of its range.

    Args:
        server: Where to.
        spec: Topic.
        told: Records; their offsets begin at `first`, their broker stamps are an hour ago.
        first: First offset.
        label: First word of the token; another one makes a repeated insert a new one.
    """
    messages = tuple(
        RawMessage(spec.name, 0, offset, BEGIN_US, b"k", CODEC.encode(spec, record), ())
        for offset, record in enumerate(told, start=first)
    )
    whole = Range(first, first + len(messages) - 1)
    prepared = _PREPARATION.prepare(spec.name, 0, TOPIC_ID, Closed.of(MessageColumns.of(messages)))
    assert not prepared.letters, prepared.letters
    mapping = _PREPARATION.mappings[spec.name]
    mark = token(label, 0, whole, mapping.table)
    server.insert(mapping, prepared.rows, token=mark, deadline_s=lease(server).deadline_s)
