"""What a dataset line does next: ask, cut or assemble, as a function of the log."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol

from schemas.dataset_lines import LineView
from schemas.erasures import ErasureBook
from schemas.leakage import audit, parted
from schemas.manifests import Example, Manifest
from schemas.records import DatasetManifest, LabelRequest, ManifestKind, OffsetRange
from schemas.topics import EDGE_CASES, LABEL_REVIEWS
from streams.dataset.answers import Answer, labels
from streams.dataset.candidates import Sighting, Sightings
from streams.dataset.identity import dataset_id, request_id, step_id
from streams.dataset.manifest import additions, carry, counts, kept
from streams.dataset.policy import DatasetPolicy
from streams.dataset.ranges import following, waiting, within
from streams.dataset.selection import choose
from streams.dataset.sift import Continued
from streams.dataset.survey import Survey

_SEED = 0  # of the choice; the same log must give the same question


class LogReader(Protocol):
    """Exact stretches of the log, read without a consumer group."""

    def held(self, topic: str) -> Sequence[OffsetRange]:
        """All that the log holds now: one range for each partition, empty ones included."""

    def sightings(self, ranges: Sequence[OffsetRange]) -> Iterator[Sightings]:
        """The valid edge cases of the ranges, in their order, in blocks of any size."""

    def answers(self, ranges: Sequence[OffsetRange]) -> Sequence[Answer]:
        """The valid label reviews in the ranges."""


class Unreadable(StrEnum):
    """Why frames that were labelled cannot be learnt from."""

    MISSING = "PICTURE_MISSING"
    CORRUPT = "PICTURE_CORRUPT"


class Gallery(Protocol):
    """Where the frames of encounters are."""

    def fingerprint(self, sighting: Sighting) -> bytes | Unreadable:
        """Of the nearest frame of an encounter of a known medium."""


class Shelf(Protocol):
    """Where manifests stand."""

    def manifest(self, dataset: DatasetManifest) -> Manifest:
        """The manifest of an assembled dataset."""

    def continued(self, dataset: DatasetManifest) -> Continued:
        """What the successor of an assembled dataset goes by."""

    def store(self, manifest: Manifest) -> tuple[str, str]:
        """Keep a manifest; its address and digest."""


@dataclass(slots=True)
class Assembler:
    """Steps of one line. Each step is a function of the line and of the log ranges it names.

    Invariant: a record is written only from what the line's earlier records fix, so a worker
    that dies between two records is continued by any other with the same records. Erased devices
    are left out after choosing: an erasure never changes what else a question asks.
    """

    policy: DatasetPolicy
    reader: LogReader
    shelf: Shelf
    gallery: Gallery
    erasures: ErasureBook = field(default_factory=ErasureBook)
    _requested: str | None = field(default=None, init=False)
    _tried: tuple[OffsetRange, ...] = field(default=(), init=False)
    _looked_at: int = field(default=0, init=False)
    _question: tuple[str, Sequence[Sighting]] = field(default=("", ()), init=False)
    _survey: Survey = field(init=False)

    def __post_init__(self) -> None:
        self._survey = Survey(self.policy, self.reader, self.shelf)

    def next(self, view: LineView, now_us: int) -> DatasetManifest | None:
        """The record the line needs next, or None while it must wait.

        Args:
            view: Where the line stands.
            now_us: Ingest time up to which the log was read.
        """
        if view.dataset is None:
            return None
        if view.cut is not None:
            return self.assemble(view, now_us)
        if view.ask is not None:
            return self.cut(view, now_us)
        return self.ask(view, now_us)

    def ask(self, view: LineView, now_us: int) -> DatasetManifest | None:
        """The next question, once enough candidates wait and the budget allows it."""
        budget = min(self.policy.labels_per_ask, self.policy.budget - view.paid)
        if view.dataset is None or budget < 1:
            return None
        ranges = self._survey.under_way(view.dataset)
        if ranges is None:
            ranges = self._following(EDGE_CASES.name, view.dataset.inputs)
            least = max(self.policy.min_candidates, self._looked_at + self._looked_at // 4)
            if waiting(ranges) < least:
                return None
        candidates = self._survey.candidates(ranges, view.dataset)
        if candidates is None:
            return None
        # What offered too little is looked at again when a quarter more waits, not at each record.
        self._looked_at = waiting(ranges)
        if len(candidates.sightings) < min(budget, self.policy.min_candidates):
            return None
        self._looked_at = 0
        cost = min(budget, len(candidates.sightings))
        return self._record(
            ManifestKind.ASK,
            view,
            now_us,
            dataset_id=dataset_id(self.policy.line, view.dataset.dataset_id, ranges),
            label_cost=view.paid + cost,
            inputs=ranges,
            excluded=dict(candidates.excluded),
        )

    def requests(self, view: LineView) -> Sequence[LabelRequest]:
        """The label requests of the open question, the first time they are asked for."""
        if view.ask is None or view.cut is not None or self._requested == view.ask.event_id:
            return ()
        ask = view.ask
        chosen = self._chosen(view)
        if chosen is None:
            return ()
        self._requested = ask.event_id
        return tuple(
            LabelRequest(
                event_id=request_id(ask.event_id, sighting.encounter_id),
                source="live",
                device_id=sighting.device_id,
                ask_id=ask.event_id,
                edge_case_id=sighting.event_id,
                encounter_id=sighting.encounter_id,
                frames=(sighting.frame_uri,),
                budget_line=ask.line,
                priority=1.0 - sighting.margin,
                asked_ts=ask.assembled_ts,
            )
            for sighting in chosen
        )

    def cut(self, view: LineView, now_us: int) -> DatasetManifest | None:
        """Close the open question when all is answered, or after the policy's patience."""
        if view.ask is None or view.dataset is None:
            return None
        chosen = self._chosen(view)
        if chosen is None:
            return None
        ranges = self._following(LABEL_REVIEWS.name, view.dataset.inputs)
        cost = len(chosen)
        late = now_us - view.since_us > self.policy.patience_s * 1_000_000
        if not late and (waiting(ranges) < cost or ranges == self._tried):
            return None
        self._tried = ranges
        if not late and self._answered(chosen, ranges) < cost:
            return None
        return self._record(
            ManifestKind.CUT,
            view,
            now_us,
            dataset_id=view.ask.dataset_id,
            label_cost=view.ask.label_cost,
            inputs=(*view.ask.inputs, *ranges),
        )

    def assemble(self, view: LineView, now_us: int) -> DatasetManifest | None:
        """The dataset that the cut fixes; the same from the same cut, whoever builds it."""
        if view.cut is None or view.ask is None or view.dataset is None:
            return None
        chosen = self._chosen(view)
        if chosen is None:
            return None
        asked = frozenset(sighting.encounter_id for sighting in chosen)
        reviews = self.reader.answers(within(view.cut.inputs, LABEL_REVIEWS.name))
        found, excluded = labels(reviews, asked)
        excluded["UNANSWERED"] = len(asked) - len(found)
        parent = self.shelf.manifest(view.dataset)
        inherited = kept(parent, self.erasures)
        if len(inherited) < len(parent.examples):
            excluded["ERASED"] = len(parent.examples) - len(inherited)
        added = self._added(chosen, found, excluded)
        clean = parted(inherited, added)
        if len(clean) < len(added):
            excluded["NEAR_OTHER_SIDE"] = len(added) - len(clean)
        examples = [*inherited, *clean]
        proof = audit(examples)
        metadata = carry(
            parent,
            found.values(),
            dataset_id=view.cut.dataset_id,
            obeyed_us=self.erasures.newest_us,
        )
        uri, digest = self.shelf.store(Manifest(tuple(examples), metadata))
        record = self._record(
            ManifestKind.ASSEMBLED,
            view,
            now_us,
            dataset_id=view.cut.dataset_id,
            label_cost=view.cut.label_cost,
            inputs=view.cut.inputs,
            excluded={**view.ask.excluded, **excluded},
        )
        return replace(
            record,
            manifest_uri=uri,
            manifest_digest=digest,
            counts=counts(examples),
            slices={"inherited": len(inherited), "added": len(found)},
            leakage_audit=proof,
        )

    def _following(self, topic: str, before: Sequence[OffsetRange]) -> tuple[OffsetRange, ...]:
        return following(self.reader.held(topic), before)

    def _added(
        self, chosen: Sequence[Sighting], found: Mapping[str, str], excluded: Counter[str]
    ) -> list[Example]:
        """What the labels add; frames that cannot be read are counted, not learnt."""
        fingerprints: dict[str, bytes] = {}
        for sighting in chosen:
            if sighting.encounter_id not in found:
                continue
            seen = self.gallery.fingerprint(sighting)
            if isinstance(seen, Unreadable):
                excluded[seen.value] += 1
            else:
                fingerprints[sighting.frame_digest] = seen
        share = self.policy.validation_share
        return additions(chosen, found, fingerprints, validation_share=share)

    def _chosen(self, view: LineView) -> Sequence[Sighting] | None:
        """What the open question is about, kept until the next; None: its ranges are being read."""
        if view.ask is None or view.dataset is None:
            return ()
        if self._question[0] != view.ask.event_id:
            candidates = self._survey.candidates(view.ask.inputs, view.dataset)
            if candidates is None:
                return None
            cost = view.ask.label_cost - view.paid
            indexes = choose(candidates.embeddings(), candidates.margins(), cost, _SEED)
            chosen = [candidates.sightings[int(index)] for index in indexes]
            self._question = (view.ask.event_id, chosen)
        return [
            sighting
            for sighting in self._question[1]
            if self.erasures.covering(sighting.device_id, sighting.stamp_us) is None
        ]

    def _answered(self, chosen: Sequence[Sighting], ranges: Sequence[OffsetRange]) -> int:
        """Encounters of the open question that somebody answered or skipped."""
        asked = {sighting.encounter_id for sighting in chosen}
        reviews = self.reader.answers(within(ranges, LABEL_REVIEWS.name))
        return len(asked & {review.encounter_id for review in reviews})

    def _record(
        self,
        kind: ManifestKind,
        view: LineView,
        now_us: int,
        *,
        dataset_id: str,
        label_cost: int,
        inputs: tuple[OffsetRange, ...],
        excluded: Mapping[str, int] | None = None,
    ) -> DatasetManifest:
        return DatasetManifest(
            event_id=step_id(self.policy.line, view.next_seq),
            source="live",
            kind=kind,
            line=self.policy.line,
            dataset_id=dataset_id,
            seq=view.next_seq,
            parent=view.dataset.dataset_id if view.dataset else None,
            label_cost=label_cost,
            budget=self.policy.budget,
            counts={},
            slices={},
            excluded=dict(sorted((excluded or {}).items())),
            inputs=inputs,
            assembled_ts=now_us,
        )
