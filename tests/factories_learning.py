"""Examples of releases, orders, labels and datasets."""

from typing import Any

from schemas import records
from tests.factories_base import DEVICE, DIGEST, WINDOW_START_US, common


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
        **common("release-1/0"),
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
        **common("command-1"),
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
        **common("ask-1/encounter-12"),
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
        **common("review-1"),
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
        **common("signs/1/2"),
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
