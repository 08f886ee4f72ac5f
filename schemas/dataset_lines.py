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
        ask, cut: The question and the cut under way, if any.
    """

    next_seq: int = 0
    since_us: int = 0
    dataset: DatasetManifest | None = None
    ask: DatasetManifest | None = None
    cut: DatasetManifest | None = None

    @property
    def expects(self) -> ManifestKind:
        """The kind the next record must be; a line begins with a dataset assembled by hand."""
        if self.dataset is None or self.cut is not None:
            return ManifestKind.ASSEMBLED
        return ManifestKind.ASK if self.ask is None else ManifestKind.CUT

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

    def observe(self, record: DatasetManifest, stamp_us: int) -> bool:
        """Take one record; False when it is void (its seq or its kind is not the next).

        Args:
            record: What stands on the log.
            stamp_us: The broker's stamp of it in microseconds.
        """
        view = self.line(record.line)
        if record.seq != view.next_seq or record.kind is not view.expects:
            return False
        step = replace(view, next_seq=view.next_seq + 1, since_us=stamp_us)
        match record.kind:
            case ManifestKind.ASK:
                step = replace(step, ask=record)
            case ManifestKind.CUT:
                step = replace(step, cut=record)
            case _:
                step = replace(step, dataset=record, ask=None, cut=None)
        self._lines[record.line] = step
        return True
