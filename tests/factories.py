"""One valid example of every record; keyword arguments replace fields."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from schemas import topics
from tests.factories_base import DEVICE, DIGEST, MINUTE_US, STAMP_US, WINDOW_START_US
from tests.factories_derived import (
    alert,
    alert_control,
    alert_exemplar,
    alert_tier,
    collection_campaign,
    dead_letter,
    drift_partial,
    erasure,
    incident,
    rollout_partial,
    slo_partial,
)
from tests.factories_devices import (
    device,
    disengagement,
    edge_case,
    exemplar,
    frame,
    inference_event,
    latency_histogram,
    ota_ack,
)
from tests.factories_learning import (
    artifact,
    dataset_manifest,
    evidence,
    label_request,
    label_review,
    model_release,
    offset_range,
    rollout_command,
)

__all__ = [
    "DEVICE",
    "DIGEST",
    "EXAMPLES",
    "MINUTE_US",
    "STAMP_US",
    "WINDOW_START_US",
    "alert",
    "alert_control",
    "alert_exemplar",
    "alert_tier",
    "artifact",
    "collection_campaign",
    "dataset_manifest",
    "dead_letter",
    "device",
    "disengagement",
    "drift_partial",
    "edge_case",
    "erasure",
    "evidence",
    "exemplar",
    "frame",
    "incident",
    "inference_event",
    "label_request",
    "label_review",
    "latency_histogram",
    "model_release",
    "offset_range",
    "ota_ack",
    "rollout_command",
    "rollout_partial",
    "slo_partial",
]

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
    topics.DRIFT_PARTIALS.name: drift_partial,
    topics.ALERTS.name: alert,
    topics.ALERT_CONTROLS.name: alert_control,
    topics.COLLECTION_CAMPAIGNS.name: collection_campaign,
    topics.ERASURES.name: erasure,
    topics.INCIDENTS.name: incident,
    topics.DEAD_LETTERS.name: dead_letter,
}
"""The example of each topic, by topic name."""
