"""One valid example of every record; keyword arguments replace fields."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from schemas import records, topics

STAMP_US: Final = 1_763_769_660_000_000
"""A broker's stamp at which all examples are valid: 2025-11-22 00:01 UTC."""
MINUTE_US: Final = 60_000_000
WINDOW_START_US: Final = STAMP_US - MINUTE_US
DIGEST: Final = "ab" * 32
DEVICE: Final = "dev-000001"


def _common(event_id: str) -> dict[str, Any]:
    return {"event_id": event_id, "source": "simulated"}


def _from_device() -> dict[str, Any]:
    return {
        **_common(f"{DEVICE}/1763769000/1"),
        "device_id": DEVICE,
        "device_class": records.DeviceClass.VEHICLE,
        "hardware": "HW3",
        "region": "city",
    }


def device(**over: Any) -> records.Device:
    """A registered, active vehicle."""
    fields: dict[str, Any] = {
        **_from_device(),
        "lifecycle": records.Lifecycle.ACTIVE,
        "slot_a_digest": DIGEST,
        "active_slot": records.Slot.A,
        "heartbeat_interval_ms": 10_000,
        "consent_pictures": True,
        "consent_location": True,
        "consent_compute": False,
        "registered_ts": WINDOW_START_US,
        "updated_ts": WINDOW_START_US,
    }
    return records.Device(**(fields | over))


def latency_histogram(count: int = 100, **over: Any) -> records.LatencyHistogram:
    """Latencies of `count` results around 40 ms, spread over 20 buckets."""
    share, rest = divmod(count, 20)
    fields: dict[str, Any] = {
        "scale": 3,
        "zero_count": 0,
        "offset": -20,
        "counts": (share + rest, *(share,) * 19),
        "sum_us": 40_000 * count,
        "min_us": 12_000,
        "max_us": 61_000,
    }
    return records.LatencyHistogram(**(fields | over))


def exemplar(**over: Any) -> records.Exemplar:
    """An inference that was late."""
    fields: dict[str, Any] = {
        "inference_id": f"{DEVICE}/1763769000/i7",
        "ts": WINDOW_START_US + 7_000_000,
        "latency_us": 61_000,
        "top1": 3,
        "confidence": 0.71,
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    }
    return records.Exemplar(**(fields | over))


def inference_event(**over: Any) -> records.InferenceEvent:
    """A window of ten seconds; the histogram adds up to produced - warmup."""
    judged = int(over.get("produced", 100)) - int(over.get("warmup", 0))
    fields: dict[str, Any] = {
        **_from_device(),
        "release_id": "release-1",
        "model_digest": DIGEST,
        "window_start": WINDOW_START_US,
        "window_end": WINDOW_START_US + 10_000_000,
        "deadline_us": 50_000,
        "expected": 100,
        "produced": 100,
        "warmup": 0,
        "late": 2,
        "latency": latency_histogram(judged),
        "energy_j": 12.5,
        "distance_m": 140.0,
        "confidence": (0, 0, 1, 2, 3, 4, 10, 20, 30, 30),
        "classes": (40, 30, 20, 10),
        "flips": 1,
        "exemplars": (exemplar(),),
        "clock_offset_ms": 1.5,
    }
    return records.InferenceEvent(**(fields | over))


def ota_ack(**over: Any) -> records.OtaAck:
    """A committed update."""
    fields: dict[str, Any] = {
        **_from_device(),
        "release_id": "release-1",
        "model_digest": DIGEST,
        "attempt": 1,
        "seq": 7,
        "state": records.AckState.COMMITTED,
        "reason_code": "",
        "slot": records.Slot.B,
        "boot_id": "1763769000",
        "wave": 1,
        "preconditions": records.DeviceConditions(parked=True, state_of_charge=0.8, network="WIFI"),
        "device_ts": WINDOW_START_US,
    }
    return records.OtaAck(**(fields | over))


def frame(**over: Any) -> records.Frame:
    """A film strip of three pictures."""
    fields: dict[str, Any] = {
        "uri": f"file:///objects/frames/ab/{DIGEST}.png",
        "digest": DIGEST,
        "bytes": 4_200,
        "width": 96,
        "height": 32,
        "media_type": "image/png",
    }
    return records.Frame(**(fields | over))


def edge_case(**over: Any) -> records.EdgeCase:
    """A sign the model was unsure of."""
    fields: dict[str, Any] = {
        **_from_device(),
        "release_id": "release-1",
        "model_digest": DIGEST,
        "captured_ts": WINDOW_START_US,
        "trigger": records.Trigger.MARGIN,
        "encounter_id": f"{DEVICE}/12",
        "frame": frame(),
        "top1": 3,
        "confidence": 0.41,
        "margin": 0.05,
        "entropy": 1.2,
        "embedding": (0.25, -0.5, 0.75, 1.0),
        "context": records.Context(speed_mps=13.5, weather="rain", light="night"),
        "consent": True,
        "uplink_bytes": 4_300,
    }
    return records.EdgeCase(**(fields | over))


def disengagement(**over: Any) -> records.Disengagement:
    """The driver took over."""
    fields: dict[str, Any] = {
        **_from_device(),
        "release_id": "release-1",
        "model_digest": DIGEST,
        "event_ts": WINDOW_START_US,
        "precision": records.Precision.SECOND,
        "initiator": records.Initiator.TEST_DRIVER,
        "mode_before": "AUTONOMOUS",
        "mode_after": "MANUAL",
        "cause": "PERCEPTION",
        "speed_mps": 9.5,
        "encounter_id": f"{DEVICE}/12",
    }
    return records.Disengagement(**(fields | over))


def artifact(**over: Any) -> records.Artifact:
    """A model file of 32 x 32 pictures."""
    fields: dict[str, Any] = {
        "uri": f"file:///objects/models/ab/{DIGEST}.onnx",
        "digest": DIGEST,
        "bytes": 180_000,
        "format": "ONNX",
        "opset": 17,
        "input_shape": (1, 3, 32, 32),
        "runtime": "onnxruntime",
    }
    return records.Artifact(**(fields | over))


def evidence(**over: Any) -> records.Evidence:
    """What opened a wave."""
    fields: dict[str, Any] = {
        "n": 40,
        "failures_low": 0,
        "failures_high": 1,
        "e_harm": 0.4,
        "e_safe": 31.0,
        "thresholds": {"ceiling": 0.1},
        "config_digest": DIGEST,
        "offsets": {"rollout-partials/0": 120},
    }
    return records.Evidence(**(fields | over))


def model_release(**over: Any) -> records.ModelRelease:
    """The proposal of release 1."""
    fields: dict[str, Any] = {
        **_common("release-1/0"),
        "release_id": "release-1",
        "kind": records.ReleaseKind.PROPOSED,
        "decision_id": "decision-1-0",
        "decision_seq": 0,
        "decided_ts": WINDOW_START_US,
        "signer": "trainer",
        "signature": "00" * 64,
        "device_class": records.DeviceClass.VEHICLE,
        "artifact": artifact(),
        "counter": 1,
        "salt": "salt-1",
        "strata": ("HW3", "HW4"),
        "deadline_us": {"HW3": 50_000, "HW4": 50_000},
        "preconditions": records.Preconditions(parked=True, min_state_of_charge=0.3, network="ANY"),
        "purpose": "traffic-sign classifier",
        "affected_functions": ("perception",),
        "safety_relevant": True,
        "author": "trainer",
        "approvers": ("alice", "bob"),
        "dataset_id": "signs/1",
        "metrics": {"accuracy": 0.93},
        "reason": "first release",
    }
    return records.ModelRelease(**(fields | over))


def rollout_command(**over: Any) -> records.RolloutCommand:
    """An operator's approval."""
    fields: dict[str, Any] = {
        **_common("command-1"),
        "release_id": "release-1",
        "command": records.CommandKind.APPROVE,
        "by": "alice",
        "reason": "looks good",
        "issued_ts": WINDOW_START_US,
        "signer": "operator",
        "signature": "00" * 64,
    }
    return records.RolloutCommand(**(fields | over))


def label_request(**over: Any) -> records.LabelRequest:
    """A question about one encounter."""
    fields: dict[str, Any] = {
        **_common("ask-1/encounter-12"),
        "device_id": DEVICE,
        "ask_id": "ask-1",
        "edge_case_id": f"{DEVICE}/1763769000/1",
        "encounter_id": f"{DEVICE}/12",
        "frames": (f"file:///objects/frames/ab/{DIGEST}.png",),
        "budget_line": "signs",
        "priority": 0.9,
        "asked_ts": WINDOW_START_US,
    }
    return records.LabelRequest(**(fields | over))


def label_review(**over: Any) -> records.LabelReview:
    """An answer to it."""
    fields: dict[str, Any] = {
        **_common("review-1"),
        "device_id": DEVICE,
        "edge_case_id": f"{DEVICE}/1763769000/1",
        "encounter_id": f"{DEVICE}/12",
        "reviewer": "reviewer-1",
        "label": "3",
        "seconds_spent": 4.5,
        "reviewed_ts": WINDOW_START_US,
        "guideline_version": "1",
    }
    return records.LabelReview(**(fields | over))


def offset_range(**over: Any) -> records.OffsetRange:
    """A hundred records of edge-cases."""
    fields: dict[str, Any] = {
        "topic": "edge-cases",
        "topic_id": "AAAAAAAAAAAAAAAAAAAAAA",
        "partition": 0,
        "first_offset": 0,
        "last_offset": 99,
    }
    return records.OffsetRange(**(fields | over))


def dataset_manifest(**over: Any) -> records.DatasetManifest:
    """An assembled dataset."""
    fields: dict[str, Any] = {
        **_common("signs/1/2"),
        "kind": records.ManifestKind.ASSEMBLED,
        "line": "signs",
        "dataset_id": "signs/1",
        "seq": 2,
        "manifest_uri": f"file:///objects/datasets/ab/{DIGEST}.parquet",
        "manifest_digest": DIGEST,
        "counts": {"train/3": 40, "test/3": 10},
        "label_cost": 50,
        "budget": 60,
        "slices": {"HW3/night": 12},
        "excluded": {"exact_duplicate": 3},
        "leakage_audit": records.LeakageAudit(checked=400, violations=0),
        "inputs": (offset_range(),),
        "assembled_ts": WINDOW_START_US,
    }
    return records.DatasetManifest(**(fields | over))


def alert_exemplar(**over: Any) -> records.AlertExemplar:
    """The late inference of `exemplar`, as an alert tells it."""
    fields: dict[str, Any] = {
        "event_id": f"{DEVICE}/1763769000/1",
        "device_id": DEVICE,
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "latency_us": 61_000,
    }
    return records.AlertExemplar(**(fields | over))


def slo_partial(**over: Any) -> records.SloPartial:
    """A cell of ten seconds."""
    fields: dict[str, Any] = {
        **_common("partial-1"),
        "kind": records.PartialKind.CELL,
        "generation": "generation-1",
        "ingest_ts": STAMP_US,
        "source_topic": "inference-events",
        "source_partition": 0,
        "last_offset": 199,
        "watermark": WINDOW_START_US,
        "slo": "inference-latency",
        "key": {"hardware": "HW3", "release_id": "release-1"},
        "bucket_start": WINDOW_START_US,
        "total": 100,
        "bad": 2,
        "latency": latency_histogram(),
        "exemplars": (alert_exemplar(),),
    }
    return records.SloPartial(**(fields | over))


def rollout_partial(**over: Any) -> records.RolloutPartial:
    """The candidates of one stratum."""
    fields: dict[str, Any] = {
        **_common("partial-2"),
        "kind": records.PartialKind.CELL,
        "generation": "generation-1",
        "ingest_ts": STAMP_US,
        "source_topic": "ota-acks",
        "source_partition": 0,
        "last_offset": 199,
        "watermark": WINDOW_START_US,
        "release_id": "release-1",
        "stratum": "HW3",
        "arm": records.Arm.CANDIDATE,
        "window_start": WINDOW_START_US,
        "offered": 40,
        "accepted": 40,
        "committed": 38,
        "failed": 1,
        "silent": 1,
        "deferred": 0,
        "critical": 0,
        "rolled_back": 0,
        "exposure_m": 1_200.0,
        "events": 80,
        "windows_judged": 80,
        "windows_over": 1,
    }
    return records.RolloutPartial(**(fields | over))


def alert_tier(**over: Any) -> records.AlertTier:
    """A burn-rate pair that is over its limit."""
    fields: dict[str, Any] = {
        "long_s": 120,
        "short_s": 20,
        "factor": 14.4,
        "burn_long": 20.0,
        "burn_short": 25.0,
        "n_long": 1_000,
        "bad_long": 200,
        "n_short": 200,
        "bad_short": 50,
        "active": True,
    }
    return records.AlertTier(**(fields | over))


def alert(**over: Any) -> records.Alert:
    """A page about late inferences on HW3."""
    fields: dict[str, Any] = {
        **_common("alert-1/1"),
        "alert_id": "alert-1",
        "fingerprint": "fingerprint-1",
        "seq": 1,
        "alertname": "InferenceLatencyBurn",
        "kind": records.AlertKind.BURN_RATE,
        "severity": records.Severity.PAGE,
        "state": records.AlertState.FIRING,
        "reason": "burn rate above 14.4 in 120 s and 20 s",
        "labels": {"hardware": "HW3", "release_id": "release-3"},
        "annotations": {"summary": "HW3 misses its deadline"},
        "slo": records.AlertSlo(
            name="inference-latency", objective=0.99, window_s=2_592_000, threshold_us=50_000
        ),
        "tiers": (alert_tier(),),
        "budget": records.AlertBudget(remaining=-0.2, exhaustion_s=None),
        "latency": records.AlertLatency(p50_ms=41.0, p95_ms=70.0, p99_ms=90.0, max_ms=95.0),
        "suspects": (
            records.Suspect(label="hardware", value="HW3", lift=12.0, bad=200, total=1_000),
        ),
        "exemplars": (alert_exemplar(),),
        "starts_at": WINDOW_START_US,
        "detected_at": WINDOW_START_US + 1_000_000,
        "watermark": WINDOW_START_US,
        "evaluated_at": WINDOW_START_US + 1_000_000,
        "detection_delay_ms": 1_000,
        "late_events": 0,
        "flapping": False,
        "flap_count": 0,
        "inhibited_by": (),
        "silenced_by": (),
        "shadow": False,
    }
    return records.Alert(**(fields | over))


def alert_control(**over: Any) -> records.AlertControl:
    """A silence of an hour."""
    fields: dict[str, Any] = {
        **_common("control-1/1"),
        "control_id": "control-1",
        "kind": records.ControlKind.SILENCE,
        "matchers": (records.Matcher(name="hardware", op="=", value="HW3"),),
        "start_ts": WINDOW_START_US,
        "end_ts": WINDOW_START_US + 60 * MINUTE_US,
        "by": "alice",
        "comment": "known",
    }
    return records.AlertControl(**(fields | over))


def collection_campaign(**over: Any) -> records.CollectionCampaign:
    """More signs at night."""
    fields: dict[str, Any] = {
        **_common("campaign-1/1"),
        "campaign_id": "campaign-1",
        "predicate": "light == 'night'",
        "share": 0.1,
        "salt": "salt-2",
        "quota": 500,
        "expires_ts": WINDOW_START_US + 1_440 * MINUTE_US,
        "uplink_bytes_limit": 10_000_000,
    }
    return records.CollectionCampaign(**(fields | over))


def erasure(**over: Any) -> records.Erasure:
    """A device whose owner asked to be forgotten."""
    fields: dict[str, Any] = {
        **_common("erasure-1"),
        "device_id": DEVICE,
        "requested_ts": WINDOW_START_US,
        "by": "alice",
        "reason": "owner's request",
    }
    return records.Erasure(**(fields | over))


def incident(**over: Any) -> records.Incident:
    """A crash report."""
    fields: dict[str, Any] = {
        **_common("report-1/2"),
        "source": "replay:nhtsa_sgo",
        "report_id": "report-1",
        "report_version": 2,
        "incident_id": "incident-1",
        "operator": "Example Motors",
        "severity": "No Injuries Reported",
        "month": "2025-11",
        "state": "CA",
        "engaged": True,
        "narrative": "The vehicle was struck from behind while it stood at a red light.",
    }
    return records.Incident(**(fields | over))


def dead_letter(**over: Any) -> records.DeadLetter:
    """A value that was no Avro."""
    fields: dict[str, Any] = {
        **_common("dead-letter-1"),
        "topic": "inference-events",
        "topic_id": "AAAAAAAAAAAAAAAAAAAAAA",
        "partition": 0,
        "offset": 41,
        "ts": STAMP_US,
        "schema_id": None,
        "key": DEVICE.encode(),
        "headers": {"traceparent": b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
        "body": b"\xff\x00not avro",
        "stage": "sink",
        "error_class": "FRAMING",
        "reason": "the first byte of a value is 0",
        "code_version": "0.1.0",
        "attempt": 0,
    }
    return records.DeadLetter(**(fields | over))


EXAMPLES: Final[Mapping[str, Callable[..., Any]]] = {
    topics.DEVICES.name: device,
    topics.MODEL_RELEASES.name: model_release,
    topics.ROLLOUT_COMMANDS.name: rollout_command,
    topics.OTA_ACKS.name: ota_ack,
    topics.INFERENCE_EVENTS.name: inference_event,
    topics.EDGE_CASES.name: edge_case,
    topics.DISENGAGEMENTS.name: disengagement,
    topics.LABEL_REQUESTS.name: label_request,
    topics.LABEL_REVIEWS.name: label_review,
    topics.DATASET_MANIFESTS.name: dataset_manifest,
    topics.SLO_PARTIALS.name: slo_partial,
    topics.ROLLOUT_PARTIALS.name: rollout_partial,
    topics.ALERTS.name: alert,
    topics.ALERT_CONTROLS.name: alert_control,
    topics.COLLECTION_CAMPAIGNS.name: collection_campaign,
    topics.ERASURES.name: erasure,
    topics.INCIDENTS.name: incident,
    topics.DEAD_LETTERS.name: dead_letter,
}
"""The example of each topic, by topic name."""
