"""The one reader of `dataset-manifests`: which step of a dataset line counts, where it stands."""

from dataclasses import dataclass, replace

from schemas.records import DatasetManifest, ManifestKind


@dataclass(frozen=True, slots=True)
class LineView:
    """Where a line stands.

    Attributes:
        next_seq: The seq the next record must carry to count.
        since_us: Broker stamp of the last record that counted, microseconds.
        dataset: The newest assembled dataset; None before the first.
        ask, adjudication, cut: The question, the one more about its disagreements and the cut
            under way, if any.
        ordered: A person's order to cut the open question with the answers there are.
    """

    next_seq: int = 0
    since_us: int = 0
    dataset: DatasetManifest | None = None
    ask: DatasetManifest | None = None
    adjudication: DatasetManifest | None = None
    cut: DatasetManifest | None = None
    ordered: DatasetManifest | None = None

    def asks_for(self, dataset_id: str) -> DatasetManifest | None:
        """The open question for a dataset; None: there is none, or it is cut."""
        if self.cut is not None or self.ask is None or self.ask.dataset_id != dataset_id:
            return None
        return self.ask

    @property
    def expects(self) -> frozenset[ManifestKind]:
        """The kinds the next record may be; a line begins with a dataset assembled by hand."""
        if self.dataset is None or self.cut is not None:
            return frozenset({ManifestKind.ASSEMBLED})
        if self.ask is None:
            return frozenset({ManifestKind.ASK})
        if self.adjudication is None:
            return frozenset({ManifestKind.ADJUDICATE, ManifestKind.CUT})
        return frozenset({ManifestKind.CUT})

    @property
    def paid(self) -> int:
        """Answers paid by the assembled dataset and those before it."""
        return 0 if self.dataset is None else self.dataset.label_cost

    @property
    def committed(self) -> int:
        """Answers paid or asked for: what the newest record of the line says."""
        newest = self.adjudication or self.ask or self.dataset
        return 0 if newest is None else newest.label_cost


class LineBook:
    """Folds dataset-manifests in log order; the first record with the next seq wins."""

    def __init__(self) -> None:
        self._lines: dict[str, LineView] = {}

    def line(self, name: str) -> LineView:
        """Where the line stands; an unknown one stands at its beginning."""
        return self._lines.get(name, LineView())

    def observe(self, record: DatasetManifest, stamp_us: int) -> bool:
        """Take one record; False when it is void.

        A step is void when its seq or its kind is not the next. An order is none: it takes no
        place in the line, so that it cannot keep a worker's step from counting, and is void when
        its question is not open.

        Args:
            record: What stands on the log.
            stamp_us: The broker's stamp of it in microseconds.
        """
        view = self.line(record.line)
        if record.kind is ManifestKind.CUT_ORDERED:
            if view.asks_for(record.dataset_id) is None:
                return False
            self._lines[record.line] = replace(view, ordered=view.ordered or record)
            return True
        if record.seq != view.next_seq or record.kind not in view.expects:
            return False
        step = replace(view, next_seq=view.next_seq + 1, since_us=stamp_us)
        match record.kind:
            case ManifestKind.ASK:
                step = replace(step, ask=record)
            case ManifestKind.ADJUDICATE:
                step = replace(step, adjudication=record)
            case ManifestKind.CUT:
                step = replace(step, cut=record)
            case _:
                step = LineView(step.next_seq, step.since_us, dataset=record)
        self._lines[record.line] = step
        return True
