"""The story in words: what happened, to which device, and why, from the facts on the log."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from schemas.facts import Fact
from schemas.records import (
    AckState,
    Alert,
    AlertState,
    DatasetManifest,
    Disengagement,
    EdgeCase,
    LabelReview,
    ManifestKind,
    ModelRelease,
    OtaAck,
    ReleaseKind,
)
from schemas.topics import (
    ALERTS,
    DATASET_MANIFESTS,
    DISENGAGEMENTS,
    EDGE_CASES,
    LABEL_REVIEWS,
    MODEL_RELEASES,
    OTA_ACKS,
    TopicSpec,
)

TOLD: Final[Sequence[TopicSpec]] = (
    MODEL_RELEASES,
    OTA_ACKS,
    DATASET_MANIFESTS,
    EDGE_CASES,
    LABEL_REVIEWS,
    DISENGAGEMENTS,
    ALERTS,
)
_FINAL: Final = {AckState.COMMITTED, AckState.REVERTED, AckState.INSTALL_FAILED}


@dataclass(slots=True)
class Tally:
    """Running counts of the story, for the live view and for summed-up sentences."""

    committed: Counter[tuple[str, str]] = field(default_factory=Counter)
    returned: Counter[tuple[str, str]] = field(default_factory=Counter)
    edge_cases: Counter[str] = field(default_factory=Counter)
    disengagements: int = 0
    labels: int = 0


class Narrator:
    """Turns facts into sentences; what happens in crowds is told once and then counted."""

    def __init__(self) -> None:
        self.tally = Tally()
        self._told: set[tuple[str, ...]] = set()
        self._tellers: Mapping[str, Callable[[Any], str | None]] = {
            MODEL_RELEASES.name: self._release,
            OTA_ACKS.name: self._ack,
            DATASET_MANIFESTS.name: self._dataset,
            EDGE_CASES.name: self._edge_case,
            LABEL_REVIEWS.name: self._label,
            DISENGAGEMENTS.name: self._disengagement,
            ALERTS.name: self._alert,
        }

    def tell(self, fact: Fact) -> str | None:
        """A sentence about the fact, or None when it adds nothing new."""
        return self._tellers[fact.topic](fact.record)

    def _first(self, *what: str) -> bool:
        new = what not in self._told
        self._told.add(what)
        return new

    def _release(self, record: ModelRelease) -> str:
        where = f" in {record.stratum}" if record.stratum else ""
        match record.kind:
            case ReleaseKind.PROPOSED:
                parent = f" after {record.parent_release_id}" if record.parent_release_id else ""
                size = record.artifact.bytes / 1e6 if record.artifact else 0.0
                return f"{record.release_id} is proposed{parent} ({size:.2f} MB): {record.purpose}"
            case ReleaseKind.WAVE_OPENED | ReleaseKind.WAVE_EXTENDED:
                verb = "opens" if record.kind is ReleaseKind.WAVE_OPENED else "widens"
                share = f"{record.share or 0:.0%} of the devices"
                return f"{record.release_id}: wave {record.wave} {verb}{where} for {share}"
            case _:
                what = record.kind.value.replace("_", " ")
                return f"{record.release_id}: {what}{where}: {record.reason}"

    def _ack(self, record: OtaAck) -> str | None:
        key = (record.release_id, record.hardware)
        if record.state is AckState.COMMITTED:
            self.tally.committed[key] += 1
        if record.state is AckState.REVERTED:
            self.tally.returned[key] += 1
        reason = record.reason_code
        if record.state not in _FINAL or not self._first(*key, record.state.value, reason):
            return None
        why = f" ({reason})" if reason else ""
        return (
            f"{record.device_id} [{record.hardware}, {record.region}] is the first of its "
            f"generation to say {record.state.value} for {record.release_id}{why}"
        )

    def _dataset(self, record: DatasetManifest) -> str:
        if record.kind is ManifestKind.ASK:
            return (
                f"{record.line}: asks people about the encounters worth a label "
                f"({record.label_cost} of {record.budget} labels of the budget are spent)"
            )
        if record.kind is ManifestKind.CUT:
            return f"{record.line}: the answers are in, the cut is made"
        if record.kind is ManifestKind.ADJUDICATE:
            return f"{record.line}: people disagree, one more is asked about each disagreement"
        if record.kind is ManifestKind.CUT_ORDERED:
            return f"{record.line}: {record.ordered_by} orders the cut: {record.reason}"
        examples = sum(record.counts.values())
        return f"{record.dataset_id}: assembled, {examples} labelled encounters, splits clean"

    def _edge_case(self, record: EdgeCase) -> str | None:
        self.tally.edge_cases[record.trigger.value] += 1
        if record.context.light == "NIGHT" and self._first("night"):
            return f"night falls; {record.device_id} [{record.hardware}] is the first to tell"
        if not self._first("edge", record.trigger.value):
            return None
        return (
            f"{record.device_id} [{record.hardware}, {record.region}, "
            f"{record.context.weather or 'unknown weather'}] keeps a moment: "
            f"{record.trigger.value}, confidence {record.confidence:.2f}, "
            f"margin {record.margin:.2f}"
        )

    def _label(self, record: LabelReview) -> str | None:
        self.tally.labels += 1
        if not self._first("label"):
            return None
        return f"{record.reviewer} labels {record.encounter_id}: {record.label}"

    def _disengagement(self, record: Disengagement) -> str | None:
        self.tally.disengagements += 1
        if not self._first("disengagement", record.cause or ""):
            return None
        return (
            f"{record.device_id} [{record.hardware}]: {record.initiator.value} ends autonomy"
            f"{': ' + record.cause if record.cause else ''}"
        )

    def _alert(self, record: Alert) -> str | None:
        labels = ", ".join(f"{k}={v}" for k, v in sorted(record.labels.items()) if k != "alertname")
        if record.state is AlertState.FIRING and record.seq == 0:
            suspects = "".join(f"; suspect: {one.label} {one.value}" for one in record.suspects)
            reason = f"{record.reason}{suspects}"
            return f"{record.severity.value}: {record.alertname} [{labels}]: {reason}"
        if record.state is AlertState.RESOLVED:
            return f"resolved: {record.alertname} [{labels}]: {record.reason}"
        return None
