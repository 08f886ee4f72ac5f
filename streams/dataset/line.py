"""The dataset line: the one reader of dataset-manifests, for every worker the same."""

from dataclasses import dataclass

from schemas.records import DatasetManifest, ManifestKind

# What may follow what. A line begins with a dataset that was assembled by hand.
_AFTER = {
    ManifestKind.ASSEMBLED: ManifestKind.ASK,
    ManifestKind.ASK: ManifestKind.CUT,
    ManifestKind.CUT: ManifestKind.ASSEMBLED,
}


@dataclass(frozen=True, slots=True)
class LineView:
    """Where a line stands.

    Attributes:
        next_seq: The seq the next record must carry to count.
        dataset: The newest assembled dataset; None before the first.
        ask, cut: The question and the cut under way, if any.
    """

    next_seq: int = 0
    dataset: DatasetManifest | None = None
    ask: DatasetManifest | None = None
    cut: DatasetManifest | None = None

    @property
    def expects(self) -> ManifestKind:
        """The kind the next record must be."""
        if self.cut is not None:
            return ManifestKind.ASSEMBLED
        if self.ask is not None:
            return ManifestKind.CUT
        return ManifestKind.ASSEMBLED if self.dataset is None else ManifestKind.ASK

    @property
    def paid(self) -> int:
        """Labels paid by the assembled dataset and those before it."""
        return 0 if self.dataset is None else self.dataset.label_cost


class LineBook:
    """Folds dataset-manifests in log order; the first record with the next seq wins."""

    def __init__(self) -> None:
        self._lines: dict[str, LineView] = {}

    def line(self, name: str) -> LineView:
        """Where the line stands; an unknown one stands at its beginning."""
        return self._lines.get(name, LineView())

    def observe(self, record: DatasetManifest) -> bool:
        """Take one record; False when it is void (its seq or its kind is not the next)."""
        view = self.line(record.line)
        if record.seq != view.next_seq or record.kind is not view.expects:
            return False
        self._lines[record.line] = _advance(view, record)
        return True


def _advance(view: LineView, record: DatasetManifest) -> LineView:
    following = view.next_seq + 1
    match _AFTER[record.kind]:
        case ManifestKind.CUT:
            return LineView(following, view.dataset, ask=record)
        case ManifestKind.ASSEMBLED:
            return LineView(following, view.dataset, ask=view.ask, cut=record)
        case _:
            return LineView(following, record)
