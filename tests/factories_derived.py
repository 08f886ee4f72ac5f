"""Examples of what processors, operators and the sink write."""

from typing import Any

from schemas import records
from tests.factories_base import DEVICE, MINUTE_US, STAMP_US, WINDOW_START_US, common
from tests.factories_devices import latency_histogram


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
        **common("partial-1"),
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


def drift_partial(**over: Any) -> records.DriftPartial:
    """A minute of one release in one place."""
    fields: dict[str, Any] = {
        **common("partial-3"),
        "kind": records.PartialKind.CELL,
        "generation": "generation-1",
        "ingest_ts": STAMP_US,
        "source_partition": 0,
        "last_offset": 199,
        "release_id": "release-1",
        "region": "city",
        "hardware": "HW3",
        "bucket_start": WINDOW_START_US,
        "windows": 4,
        "frames": 80,
        "confidence": (0, 0, 1, 2, 3, 4, 5, 15, 20, 30),
        "classes": (60, 20),
        "flips": 3,
    }
    return records.DriftPartial(**(fields | over))


def rollout_partial(**over: Any) -> records.RolloutPartial:
    """The candidates of one stratum."""
    fields: dict[str, Any] = {
        **common("partial-2"),
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
        "shadow_devices": 0,
        "shadow_failed": 0,
        "shadow_slices": (),
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
        **common("alert-1/1"),
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
        **common("control-1/1"),
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
        **common("campaign-1/1"),
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
        **common("erasure-1"),
        "device_id": "forgotten-000001",  # none of the other examples
        "requested_ts": WINDOW_START_US,
        "by": "alice",
        "reason": "owner's request",
    }
    return records.Erasure(**(fields | over))


def incident(**over: Any) -> records.Incident:
    """A crash report."""
    fields: dict[str, Any] = {
        **common("report-1/2"),
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
        **common("dead-letter-1"),
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
