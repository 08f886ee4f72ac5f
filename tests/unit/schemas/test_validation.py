"""Every rule of every record: a breaking value is refused, its neighbour on the bound is not."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from schemas.codec import Codec
from schemas.columns import ColumnDecoder
from schemas.errors import ErrorClass, RecordError
from schemas.registry import FileRegistry
from schemas.topics import DEVICES, INFERENCE_EVENTS, TOPICS
from schemas.validation import MAX_AHEAD_US, MAX_WINDOW_US, check, rules, validate
from tests import factories

REGISTRY = FileRegistry()
STAMP = factories.STAMP_US
START = factories.WINDOW_START_US
HISTOGRAM = factories.latency_histogram
EMPTY = HISTOGRAM(0, counts=())


def _event(**over: Any) -> Any:
    return factories.inference_event(**over)


@pytest.mark.parametrize("topic", sorted(TOPICS))
def test_the_example_of_every_topic_is_valid(topic: str) -> None:
    check(topic, factories.EXAMPLES[topic](), STAMP)


@pytest.mark.parametrize(
    ("topic", "change", "field"),
    [
        ("inference-events", {"late": -1}, "late"),
        ("inference-events", {"expected": -1}, "expected"),
        ("inference-events", {"deadline_us": 0}, "deadline_us"),
        ("inference-events", {"flips": -1}, "flips"),
        ("inference-events", {"disagreements": -1}, "disagreements"),
        ("inference-events", {"energy_j": -0.5}, "energy_j"),
        ("inference-events", {"energy_j": float("nan")}, "energy_j"),
        ("inference-events", {"confidence": (1, -1)}, "confidence"),
        ("inference-events", {"classes": (-1,)}, "classes"),
        ("inference-events", {"late": 101}, "produced"),
        ("inference-events", {"expected": 99}, "produced"),
        ("inference-events", {"warmup": 99, "late": 2}, "produced"),
        ("inference-events", {"latency": HISTOGRAM(99)}, "latency.counts"),
        ("inference-events", {"latency": HISTOGRAM(100, zero_count=1)}, "latency.counts"),
        ("inference-events", {"latency": HISTOGRAM(100, counts=(101, -1))}, "latency.counts"),
        ("inference-events", {"latency": HISTOGRAM(counts=(0,) * 160 + (100,))}, "latency.counts"),
        ("inference-events", {"latency": HISTOGRAM(scale=21)}, "latency.scale"),
        ("inference-events", {"latency": HISTOGRAM(min_us=-1)}, "latency.min_us"),
        ("inference-events", {"window_end": START}, "window_end"),
        ("inference-events", {"window_end": START - 1}, "window_end"),
        ("inference-events", {"window_end": START + MAX_WINDOW_US + 1}, "window_end"),
        ("inference-events", {"window_start": -(2**63), "window_end": 2**63 - 1}, "window_end"),
        ("inference-events", {"window_start": 2**63 - 1, "window_end": -(2**63)}, "window_end"),
        ("inference-events", {"exemplars": (factories.exemplar(),) * 9}, "exemplars"),
        ("inference-events", {"classes": (0,) * 4_097}, "classes"),
        ("inference-events", {"confidence": (0,) * 11}, "confidence"),
        (
            "inference-events",
            {"exemplars": (factories.exemplar(), factories.exemplar(confidence=1.01))},
            "exemplars.confidence",
        ),
        ("inference-events", {"hardware": "HW99"}, "hardware"),
        ("inference-events", {"hardware": ""}, "hardware"),
        ("inference-events", {"region": "moon"}, "region"),
        ("inference-events", {"model_digest": "ab" * 31 + "a"}, "model_digest"),
        ("inference-events", {"model_digest": "ab" * 31 + "ag"}, "model_digest"),
        ("inference-events", {"release_id": "r" * 1_025}, "release_id"),
        ("inference-events", {"device_id": "é" * 1_025}, "device_id"),
        ("devices", {"hardware": "HW99"}, "hardware"),
        ("devices", {"slot_b_digest": "none"}, "slot_b_digest"),
        ("devices", {"heartbeat_interval_ms": -1}, "heartbeat_interval_ms"),
        ("ota-acks", {"attempt": -1}, "attempt"),
        ("ota-acks", {"region": "moon"}, "region"),
        ("ota-acks", {"evidence_head": "x" * 64}, "evidence_head"),
        ("ota-acks", {"device_ts": STAMP + MAX_AHEAD_US + 1}, "device_ts"),
        ("edge-cases", {"confidence": 1.5}, "confidence"),
        ("edge-cases", {"margin": float("nan")}, "margin"),
        ("edge-cases", {"embedding": (0.0,) * 513}, "embedding"),
        ("edge-cases", {"frame": factories.frame(digest="x" * 64)}, "frame.digest"),
        ("edge-cases", {"frame": factories.frame(width=-1)}, "frame.width"),
        ("disengagements", {"event_ts": STAMP + MAX_AHEAD_US + 1}, "event_ts"),
        ("model-releases", {"share": 1.1}, "share"),
        ("model-releases", {"artifact": factories.artifact(digest="")}, "artifact.digest"),
        ("model-releases", {"deadline_us": {"HW3": -1}}, "deadline_us"),
        ("model-releases", {"strata": ("s" * 1_025,)}, "strata"),
        ("model-releases", {"rollback_to_digest": "0"}, "rollback_to_digest"),
        ("dataset-manifests", {"counts": {"train/3": -1}}, "counts"),
        ("dataset-manifests", {"slices": {"n" * 1_025: 1}}, "slices"),
        ("slo-partials", {"bad": 101}, "bad"),
        ("slo-partials", {"key": {str(n): "" for n in range(4_097)}}, "key"),
        ("rollout-partials", {"failed": -1}, "failed"),
        ("alerts", {"late_events": -1}, "late_events"),
        ("collection-campaigns", {"share": -0.1}, "share"),
        ("dead-letters", {"attempt": -1}, "attempt"),
        ("label-requests", {"frames": ("u" * 1_025,)}, "frames"),
    ],
)
def test_a_broken_rule_is_told_with_its_field(
    topic: str, change: dict[str, Any], field: str
) -> None:
    record = replace(factories.EXAMPLES[topic](), **change)
    with pytest.raises(RecordError) as caught:
        check(topic, record, STAMP)
    assert (caught.value.field, caught.value.error_class) == (field, ErrorClass.INVALID)


@pytest.mark.parametrize(
    ("topic", "change"),
    [
        ("inference-events", {"late": 100}),
        ("inference-events", {"late": 98, "warmup": 2, "latency": HISTOGRAM(98)}),
        ("inference-events", {"produced": 0, "late": 0, "latency": EMPTY}),
        ("inference-events", {"latency": HISTOGRAM(100, counts=(99,), zero_count=1)}),
        ("inference-events", {"latency": HISTOGRAM(counts=(0,) * 159 + (100,))}),
        ("inference-events", {"window_end": START + 1}),
        ("inference-events", {"window_end": START + MAX_WINDOW_US}),
        ("inference-events", {"exemplars": (factories.exemplar(),) * 8}),
        ("inference-events", {"classes": (0,) * 4_096}),
        ("inference-events", {"model_digest": None, "release_id": None}),
        ("inference-events", {"model_digest": "AB" * 32}),
        ("inference-events", {"device_id": "é" * 1_024}),
        ("inference-events", {"hardware": "NOT_STATED", "region": "NOT_STATED"}),
        ("ota-acks", {"device_ts": STAMP + MAX_AHEAD_US}),
        ("ota-acks", {"device_ts": -(2**63)}),
        ("edge-cases", {"confidence": 1.0, "margin": 0.0}),
        ("edge-cases", {"embedding": (0.0,) * 512}),
        ("slo-partials", {"latency": None, "bucket_start": None, "total": 0, "bad": 0}),
        ("slo-partials", {"watermark": -(2**63), "last_offset": -1}),
        ("model-releases", {"artifact": None, "preconditions": None, "evidence": None}),
    ],
)
def test_a_value_on_the_bound_passes(topic: str, change: dict[str, Any]) -> None:
    check(topic, replace(factories.EXAMPLES[topic](), **change), STAMP)


def test_a_message_names_field_value_and_rule() -> None:
    with pytest.raises(RecordError, match=r"^hardware: 'HW99': is in the catalogue: HW3, HW4, "):
        check(DEVICES, factories.device(hardware="HW99"), STAMP)
    with pytest.raises(RecordError, match=r"^late: -1: is at least 0$"):
        check(INFERENCE_EVENTS, _event(late=-1), STAMP)


def test_a_batch_is_refused_row_by_row_with_the_first_rule_each_breaks() -> None:
    events = [
        _event(),
        _event(late=-1, region="moon"),
        _event(),
        _event(exemplars=(factories.exemplar(), factories.exemplar(confidence=2.0))),
        _event(window_end=STAMP + MAX_AHEAD_US + 2, window_start=STAMP + MAX_AHEAD_US),
        _event(),
    ]
    codec = Codec(REGISTRY)
    values = [codec.encode(INFERENCE_EVENTS, event) for event in events]
    rows = ColumnDecoder(REGISTRY).decode(INFERENCE_EVENTS, values).rows
    refusals = validate(INFERENCE_EVENTS, rows, np.full(6, STAMP))
    assert [(r.position, r.error.field) for r in refusals] == [
        (1, "late"),
        (3, "exemplars.confidence"),
        (4, "window_end"),
    ]
    sliced = validate(INFERENCE_EVENTS, rows.slice(2, 3), np.full(3, STAMP))
    assert [(r.position, r.error.field) for r in sliced] == [
        (1, "exemplars.confidence"),
        (2, "window_end"),
    ]


def test_each_row_is_held_to_its_own_stamp() -> None:
    codec = Codec(REGISTRY)
    value = codec.encode(INFERENCE_EVENTS, _event())
    rows = ColumnDecoder(REGISTRY).decode(INFERENCE_EVENTS, [value] * 2).rows
    early = START + 10_000_000 - MAX_AHEAD_US - 1
    refusals = validate(INFERENCE_EVENTS, rows, [early, early + 1])
    assert [(r.position, r.error.field) for r in refusals] == [(0, "window_end")]


def test_stamps_must_be_one_for_each_row() -> None:
    rows = ColumnDecoder(REGISTRY).decode(DEVICES, []).rows
    assert validate(DEVICES, rows, []) == []
    with pytest.raises(ValueError, match="1 stamps for 0 rows"):
        validate(DEVICES, rows, [STAMP])


@pytest.mark.parametrize("topic", sorted(TOPICS))
def test_every_rule_speaks_of_a_field_that_is_there(topic: str) -> None:
    rows = ColumnDecoder(REGISTRY).decode(topic, []).rows
    assert len(rules(topic)) >= 5
    assert validate(topic, rows, []) == []
    assert all(rule.field and rule.text for rule in rules(topic))
