"""What a dataset line does next: ask, settle, cut or assemble, as a function of the log."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from schemas.dataset_lines import LineView
from schemas.erasures import ErasureBook
from schemas.examples import Example
from schemas.forgotten import standing
from schemas.leakage import audit, parted
from schemas.manifests import Manifest, classes_of
from schemas.question_sheets import Question
from schemas.records import DatasetManifest, DeadLetter, LabelRequest, ManifestKind, OffsetRange
from schemas.topics import EDGE_CASES, LABEL_REVIEWS
from streams.dataset.agreement import agreement
from streams.dataset.answers import Counting
from streams.dataset.asking import affordable, questions, request, size_of, told
from streams.dataset.candidates import Sighting
from streams.dataset.identity import dataset_id, step_id
from streams.dataset.manifest import additions, carry, counts, without
from streams.dataset.policy import DatasetPolicy
from streams.dataset.ports import Gallery, LogReader, Shelf, Unreadable
from streams.dataset.ranges import following, waiting, within
from streams.dataset.selection import choose
from streams.dataset.settling import Settlement, count, settled
from streams.dataset.survey import Survey

_SEED = 0  # of the choice; the same log must give the same question


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
    _settlement: tuple[tuple[str, int], Settlement] | None = field(default=None, init=False)
    _lettered: str | None = field(default=None, init=False)

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
        policy = self.policy
        most = affordable(policy, view.paid, policy.labels_per_ask)
        if view.dataset is None or most.encounters < 1:
            return None
        ranges = self._survey.under_way(view.dataset)
        if ranges is None:
            ranges = self._following(EDGE_CASES.name, view.dataset.inputs)
            least = max(policy.min_candidates, self._looked_at + self._looked_at // 4)
            if waiting(ranges) < least:
                return None
        candidates = self._survey.candidates(ranges, view.dataset)
        if candidates is None:
            return None
        # What offered too little is looked at again when a quarter more waits, not at each record.
        self._looked_at = waiting(ranges)
        if len(candidates.sightings) < min(most.encounters, policy.min_candidates):
            return None
        self._looked_at = 0
        size = affordable(policy, view.paid, len(candidates.sightings))
        known = classes_of(self.shelf.manifest(view.dataset))
        record = self._record(
            ManifestKind.ASK,
            view,
            now_us,
            dataset_id=dataset_id(policy.line, view.dataset.dataset_id, ranges),
            label_cost=view.paid + size.cost(policy.reviews),
            inputs=ranges,
            excluded=dict(candidates.excluded),
        )
        return replace(
            record,
            classes=(*known, *(name for name in policy.classes if name not in known)),
            reviews=policy.reviews,
            second_reviews=size.second_reviews,
        )

    def requests(self, view: LineView) -> Sequence[LabelRequest]:
        """What is asked for by the newest record of the open question, the first time."""
        newest = view.adjudication or view.ask
        if newest is None or view.ask is None or view.cut is not None:
            return ()
        if self._requested == newest.event_id:
            return ()
        asked = self._asked(view)
        if asked is None:
            return ()
        self._requested = newest.event_id
        if view.adjudication is None:
            due = [(q, review) for q in asked for review in range(1, q.planned + 1)]
        else:
            answers = self.reader.answers(within(view.adjudication.inputs, LABEL_REVIEWS.name))
            ties = count(view, asked, answers, self._counting(view.ask), {})
            due = [(q, q.ballot.wanted) for q in ties]
        return self._told(view, view.ask, due)

    def cut(self, view: LineView, now_us: int) -> DatasetManifest | None:
        """Settle or close the open question: all is answered, patience ends, a person orders it."""
        if view.ask is None or view.dataset is None:
            return None
        asked = self._asked(view)
        if asked is None:
            return None
        ranges = self._following(LABEL_REVIEWS.name, view.dataset.inputs)
        ordered = view.ordered is not None
        late = ordered or now_us - view.since_us > self.policy.patience_s * 1_000_000
        if not late and (waiting(ranges) < len(asked) or ranges == self._tried):
            return None
        self._tried = ranges
        answers = self.reader.answers(within(ranges, LABEL_REVIEWS.name))
        count(view, asked, answers, self._counting(view.ask), {})
        if not late and any(question.ballot.open for question in asked):
            return None
        ties = sum(question.ballot.tied for question in asked)
        paid_for = min(ties, self.policy.budget - view.committed)
        settles = view.adjudication is None and paid_for > 0 and not ordered
        return self._record(
            ManifestKind.ADJUDICATE if settles else ManifestKind.CUT,
            view,
            now_us,
            dataset_id=view.ask.dataset_id,
            label_cost=view.committed + (paid_for if settles else 0),
            inputs=(*view.ask.inputs, *ranges),
        )

    def letters(self, view: LineView) -> Sequence[DeadLetter]:
        """Dead letters of what in a cut cannot mean anything, the first time; then it is built."""
        if view.cut is None or self._lettered == view.cut.event_id:
            return ()
        done = self._settled(view, view.cut)
        if done is None or not done.refused:
            return ()
        self._lettered = view.cut.event_id
        return self.reader.letters(done.refused)

    def assemble(self, view: LineView, now_us: int) -> DatasetManifest | None:
        """The dataset that the cut fixes; the same from the same cut, whoever builds it."""
        if view.cut is None or view.ask is None or view.dataset is None:
            return None
        done = self._settled(view, view.cut)
        if done is None or (done.refused and self._lettered != view.cut.event_id):
            return None
        excluded = Counter(done.excluded)
        parent = self.shelf.manifest(view.dataset)
        labelled = without(parent, done.gone)
        inherited = standing(labelled, self.erasures)
        if len(inherited) < len(labelled.examples):
            excluded["ERASED"] = len(labelled.examples) - len(inherited)
        added = self._added(done.labelled, excluded)
        clean = parted(inherited, added)
        if len(clean) < len(added):
            excluded["NEAR_OTHER_SIDE"] = len(added) - len(clean)
        examples = inherited.followed_by(clean)
        proof = audit(examples)
        metadata = carry(
            parent,
            (e.label for e in added),
            dataset_id=view.cut.dataset_id,
            obeyed_us=self.erasures.newest_us,
        )
        uri, digest = self.shelf.store(Manifest(examples, metadata))
        sheet_uri, sheet_digest = self.shelf.store_questions(done.sheet)
        record = self._record(
            ManifestKind.ASSEMBLED,
            view,
            now_us,
            dataset_id=view.cut.dataset_id,
            label_cost=view.cut.label_cost,
            inputs=view.cut.inputs,
            excluded=Counter(view.ask.excluded) + excluded,
        )
        earlier = {q.event_id for q in done.changed}
        late = sum(e.example_id in earlier for e in clean)
        return replace(
            record,
            manifest_uri=uri,
            manifest_digest=digest,
            counts=counts(examples),
            slices={
                "inherited": len(inherited),
                "added": len(clean),
                **({"added_late": late} if late else {}),
            },
            leakage_audit=proof,
            questions_uri=sheet_uri,
            questions_digest=sheet_digest,
            agreement=agreement(done.sheet.labels()),
        )

    def _following(self, topic: str, before: Sequence[OffsetRange]) -> tuple[OffsetRange, ...]:
        return following(self.reader.held(topic), before)

    def _added(self, labelled: Sequence[Question], excluded: Counter[str]) -> list[Example]:
        """What the labels add; frames that cannot be read are counted, not learnt."""
        fingerprints: dict[str, bytes] = {}
        for question in labelled:
            seen = self.gallery.fingerprint(question)
            if isinstance(seen, Unreadable):
                excluded[seen.value] += 1
            else:
                fingerprints[question.frame_digest] = seen
        share = self.policy.validation_share
        return additions(labelled, fingerprints, validation_share=share)

    def _chosen(self, view: LineView) -> Sequence[Sighting] | None:
        """What the open question is about, kept until the next; None: its ranges are being read."""
        if view.ask is None or view.dataset is None:
            return ()
        if self._question[0] != view.ask.event_id:
            candidates = self._survey.candidates(view.ask.inputs, view.dataset)
            if candidates is None:
                return None
            encounters = size_of(view.ask, view.paid).encounters
            indexes = choose(candidates.embeddings(), candidates.margins(), encounters, _SEED)
            chosen = [candidates.sightings[int(index)] for index in indexes]
            self._question = (view.ask.event_id, chosen)
        return self._question[1]

    def _asked(self, view: LineView) -> list[Question] | None:
        """The open question's encounters, unanswered, without those of erased devices."""
        chosen = self._chosen(view)
        if chosen is None or view.ask is None:
            return None
        return [
            question
            for question in questions(view.ask, chosen)
            if self.erasures.covering(question.device_id, question.stamp_us) is None
        ]

    def _counting(self, ask: DatasetManifest) -> Counting:
        return Counting(ask.line, frozenset(ask.classes), self.erasures)

    def _told(
        self, view: LineView, ask: DatasetManifest, due: Sequence[tuple[Question, int]]
    ) -> Sequence[LabelRequest]:
        """Requests with what the devices saw."""
        chosen = {sighting.event_id: sighting for sighting in self._chosen(view) or ()}
        seen = self.reader.seen([chosen[question.event_id] for question, _ in due])
        return tuple(
            told(
                request(ask, question, chosen[question.event_id].margin, review),
                seen.get(question.event_id),
                ask.classes,
            )
            for question, review in due
        )

    def _settled(self, view: LineView, cut: DatasetManifest) -> Settlement | None:
        """What the cut makes of the questions; None: the ranges of these are being read."""
        known = (cut.event_id, self.erasures.newest_us)
        if self._settlement is None or self._settlement[0] != known:
            asked = self._asked(view)
            if asked is None or view.ask is None or view.dataset is None:
                return None
            answers = self.reader.answers(within(cut.inputs, LABEL_REVIEWS.name))
            sheet = self.shelf.questions(view.dataset)
            found = settled(view, view.ask, asked, answers, sheet, self.erasures)
            self._settlement = (known, found)
        return self._settlement[1]

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
