"""Which dataclass is the record of which topic."""

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from schemas import records, topics

Record: TypeAlias = (
    records.Device
    | records.ModelRelease
    | records.RolloutCommand
    | records.OtaAck
    | records.InferenceEvent
    | records.EdgeCase
    | records.Disengagement
    | records.LabelRequest
    | records.LabelReview
    | records.DatasetManifest
    | records.SloPartial
    | records.RolloutPartial
    | records.DriftPartial
    | records.Alert
    | records.AlertControl
    | records.CollectionCampaign
    | records.Erasure
    | records.Incident
    | records.DeadLetter
)

RECORD_TYPES: Final[Mapping[str, type[Any]]] = {
    topics.DEVICES.name: records.Device,
    topics.MODEL_RELEASES.name: records.ModelRelease,
    topics.ROLLOUT_COMMANDS.name: records.RolloutCommand,
    topics.OTA_ACKS.name: records.OtaAck,
    topics.INFERENCE_EVENTS.name: records.InferenceEvent,
    topics.EDGE_CASES.name: records.EdgeCase,
    topics.DISENGAGEMENTS.name: records.Disengagement,
    topics.LABEL_REQUESTS.name: records.LabelRequest,
    topics.LABEL_REVIEWS.name: records.LabelReview,
    topics.DATASET_MANIFESTS.name: records.DatasetManifest,
    topics.SLO_PARTIALS.name: records.SloPartial,
    topics.ROLLOUT_PARTIALS.name: records.RolloutPartial,
    topics.DRIFT_PARTIALS.name: records.DriftPartial,
    topics.ALERTS.name: records.Alert,
    topics.ALERT_CONTROLS.name: records.AlertControl,
    topics.COLLECTION_CAMPAIGNS.name: records.CollectionCampaign,
    topics.ERASURES.name: records.Erasure,
    topics.INCIDENTS.name: records.Incident,
    topics.DEAD_LETTERS.name: records.DeadLetter,
}
