"""Examples of what devices write."""

from typing import Any

from schemas import records
from tests.factories_base import DEVICE, DIGEST, WINDOW_START_US, from_device


def device(**over: Any) -> records.Device:
    """A registered, active vehicle."""
    fields: dict[str, Any] = {
        **from_device(),
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
        **from_device(),
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
        "shadow_release_id": "release-2",
        "disagreements": 3,
        "shadow_encounters": (4, 3, 2, 1),
        "shadow_differing": (1, 0, 0, 0),
        "shadow_judged": 100,
        "shadow_late": 1,
        "shadow_busy_us": 1_000_000,
    }
    return records.InferenceEvent(**(fields | over))


def ota_ack(**over: Any) -> records.OtaAck:
    """A committed update."""
    fields: dict[str, Any] = {
        **from_device(),
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
        **from_device(),
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
        **from_device(),
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
