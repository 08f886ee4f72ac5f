"""The topic registry: the only place where a topic's name, key, size and life are written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
FOR_EVER: Final = -1


class Cleanup(StrEnum):
    """Kafka's cleanup.policy."""

    DELETE = "delete"
    COMPACT = "compact"


class Compatibility(StrEnum):
    """Schema evolution rule, checked over all stored versions (transitive)."""

    BACKWARD = "BACKWARD_TRANSITIVE"
    FULL = "FULL_TRANSITIVE"


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicSpec:
    """What a topic is.

    Attributes:
        name: Topic name; its value schemas live in schemas/avro/<name>/<n>.avsc.
        key: Field of the record whose UTF-8 text is the message key.
        partitions: Partition count a new topic gets; `infra.topics` may scale the
            device topics by a setting, all of them alike, since they are read side by side.
        cleanup: cleanup.policy.
        retention_ms: retention.ms, FOR_EVER for none.
        compatibility: Which changes of the schema are allowed.
        from_devices: Written by devices: partitioned alike, decoded a batch at a time,
            so its schema holds no bytes, fixed, decimal or uuid.
    """

    name: str
    key: str
    partitions: int
    cleanup: Cleanup = Cleanup.DELETE
    retention_ms: int = 30 * DAY_MS
    compatibility: Compatibility = Compatibility.BACKWARD
    from_devices: bool = False
    config: Mapping[str, str] = field(default_factory=dict)

    @property
    def subject(self) -> str:
        """Registry subject of the value schema (TopicNameStrategy)."""
        return f"{self.name}-value"

    def kafka_config(self) -> dict[str, str]:
        """Topic configuration as Kafka takes it."""
        config = {
            "cleanup.policy": self.cleanup.value,
            "retention.ms": str(self.retention_ms),
            "message.timestamp.type": "LogAppendTime",
            **self.config,
        }
        if self.cleanup is Cleanup.COMPACT:
            # A lagging sink still sees each change.
            config["min.compaction.lag.ms"] = str(7 * DAY_MS)
        return config


DEVICE_PARTITIONS: Final = 4
STAGE_TWO_PARTITIONS: Final = 2

DEVICES: Final = TopicSpec(
    name="devices",
    key="device_id",
    partitions=DEVICE_PARTITIONS,
    cleanup=Cleanup.COMPACT,
    retention_ms=FOR_EVER,
    from_devices=True,
)
MODEL_RELEASES: Final = TopicSpec(
    name="model-releases",
    key="release_id",
    partitions=1,
    retention_ms=FOR_EVER,
    compatibility=Compatibility.FULL,
)
ROLLOUT_COMMANDS: Final = TopicSpec(
    name="rollout-commands",
    key="release_id",
    partitions=STAGE_TWO_PARTITIONS,
    retention_ms=FOR_EVER,
)
OTA_ACKS: Final = TopicSpec(
    name="ota-acks",
    key="device_id",
    partitions=DEVICE_PARTITIONS,
    retention_ms=400 * DAY_MS,
    compatibility=Compatibility.FULL,
    from_devices=True,
)
INFERENCE_EVENTS: Final = TopicSpec(
    name="inference-events", key="device_id", partitions=DEVICE_PARTITIONS, from_devices=True
)
EDGE_CASES: Final = TopicSpec(
    name="edge-cases", key="device_id", partitions=DEVICE_PARTITIONS, from_devices=True
)
DISENGAGEMENTS: Final = TopicSpec(
    name="disengagements", key="device_id", partitions=DEVICE_PARTITIONS, from_devices=True
)
LABEL_REQUESTS: Final = TopicSpec(
    name="label-requests", key="device_id", partitions=DEVICE_PARTITIONS
)
LABEL_REVIEWS: Final = TopicSpec(
    name="label-reviews", key="device_id", partitions=DEVICE_PARTITIONS
)
DATASET_MANIFESTS: Final = TopicSpec(
    name="dataset-manifests", key="line", partitions=1, retention_ms=3650 * DAY_MS
)
SLO_PARTIALS: Final = TopicSpec(
    name="slo-partials",
    key="slo",
    partitions=STAGE_TWO_PARTITIONS,
    retention_ms=30 * DAY_MS + 6 * HOUR_MS,
)
ROLLOUT_PARTIALS: Final = TopicSpec(
    name="rollout-partials",
    key="release_id",
    partitions=STAGE_TWO_PARTITIONS,
    retention_ms=400 * DAY_MS,
)
DRIFT_PARTIALS: Final = TopicSpec(
    name="drift-partials",
    key="release_id",
    partitions=STAGE_TWO_PARTITIONS,
    retention_ms=400 * DAY_MS,
)
ALERTS: Final = TopicSpec(
    name="alerts", key="fingerprint", partitions=STAGE_TWO_PARTITIONS, retention_ms=400 * DAY_MS
)
ALERT_CONTROLS: Final = TopicSpec(
    name="alert-controls",
    key="control_id",
    partitions=1,
    cleanup=Cleanup.COMPACT,
    retention_ms=FOR_EVER,
)
COLLECTION_CAMPAIGNS: Final = TopicSpec(
    name="collection-campaigns",
    key="campaign_id",
    partitions=1,
    cleanup=Cleanup.COMPACT,
    retention_ms=FOR_EVER,
)
ERASURES: Final = TopicSpec(
    name="erasures",
    key="device_id",
    partitions=1,
    cleanup=Cleanup.COMPACT,
    retention_ms=FOR_EVER,
)
INCIDENTS: Final = TopicSpec(
    name="incidents",
    key="report_id",
    partitions=1,
    cleanup=Cleanup.COMPACT,
    retention_ms=FOR_EVER,
)
DEAD_LETTERS: Final = TopicSpec(
    name="dead-letters",
    key="topic",
    partitions=1,
    retention_ms=30 * DAY_MS,
    # A letter holds the largest record of any other topic (1 MiB) and what is said about it.
    config={"max.message.bytes": str(2 << 20)},
)

TOPICS: Final[Mapping[str, TopicSpec]] = {
    spec.name: spec
    for spec in (
        DEVICES,
        MODEL_RELEASES,
        ROLLOUT_COMMANDS,
        OTA_ACKS,
        INFERENCE_EVENTS,
        EDGE_CASES,
        DISENGAGEMENTS,
        LABEL_REQUESTS,
        LABEL_REVIEWS,
        DATASET_MANIFESTS,
        SLO_PARTIALS,
        ROLLOUT_PARTIALS,
        DRIFT_PARTIALS,
        ALERTS,
        ALERT_CONTROLS,
        COLLECTION_CAMPAIGNS,
        ERASURES,
        INCIDENTS,
        DEAD_LETTERS,
    )
}
