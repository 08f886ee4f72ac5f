"""Windows of a partition by device class and minute of ingest: wrong clocks, wrong counts."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from streams.processor import LogBatch
from streams.slo.judging import event_times

MINUTE_US: Final = 60_000_000
KEEP_MINUTES: Final = 60
CLOCK: Final = "clock-skew"
COUNTS: Final = "refused-counts"
_COUNTED: Final = frozenset({"expected", "produced", "warmup", "late", "latency"})
_TIMED: Final = frozenset({"window_start", "window_end"})

Name = tuple[str, str, int]
Mask = npt.NDArray[np.bool_]


@dataclass(slots=True)
class Minute:
    """Windows of one (signal, device class, minute), and how many of them were wrong."""

    total: int = 0
    bad: int = 0


class Quality:
    """Cumulative counts of the last hour; what changed is handed on."""

    def __init__(self) -> None:
        self._minutes: dict[Name, Minute] = {}
        self._dirty: dict[Name, None] = {}

    def note(self, batch: LogBatch) -> None:
        """Count the windows of a batch, those that validation refused included."""
        _, ahead = event_times(batch.rows, batch.stamps_us)
        none = np.zeros(len(ahead), dtype=np.bool_)
        self._add(batch.rows, batch.stamps_us, {CLOCK: ahead, COUNTS: none})
        refused = batch.refused
        if refused is not None:
            fields = [field.partition(".")[0] for field in refused.fields]
            timed = np.array([field in _TIMED for field in fields], dtype=np.bool_)
            counted = np.array([field in _COUNTED for field in fields], dtype=np.bool_)
            self._add(refused.rows, refused.stamps_us, {CLOCK: timed, COUNTS: counted})

    def changed(self, now_us: int) -> Iterator[tuple[Name, Minute]]:
        """Hand on the minutes that changed, and forget those of an hour ago."""
        dirty, self._dirty = self._dirty, {}
        for name in dirty:
            yield name, self._minutes[name]
        first = now_us // MINUTE_US - KEEP_MINUTES
        for name in [name for name in self._minutes if name[2] < first]:
            del self._minutes[name]

    def state(self) -> list[Any]:
        """All of it as plain values."""
        return [[*name, held.total, held.bad] for name, held in self._minutes.items()]

    def load(self, state: Iterable[Any]) -> None:
        """Take the values of `state()`; all of them count as changed."""
        for signal, device_class, minute, total, bad in state:
            self._minutes[signal, device_class, minute] = Minute(total, bad)
        self._dirty = dict.fromkeys(self._minutes)

    def _add(
        self, rows: pa.RecordBatch, stamps_us: npt.NDArray[np.int64], wrong: Mapping[str, Mask]
    ) -> None:
        if rows.num_rows == 0:
            return
        encoded = rows.column("device_class").cast(pa.string()).dictionary_encode()
        classes = encoded.dictionary.to_pylist()
        minutes = stamps_us // MINUTE_US
        code = minutes * len(classes) + encoded.indices.to_numpy()
        unique, groups = np.unique(code, return_inverse=True)
        totals = np.bincount(groups, minlength=len(unique)).tolist()
        for signal, bad in wrong.items():
            bads = np.bincount(groups[bad], minlength=len(unique)).tolist()
            for number, total, lost in zip(unique.tolist(), totals, bads, strict=True):
                minute, place = divmod(number, len(classes))
                name = (signal, classes[place], minute)
                held = self._minutes.setdefault(name, Minute())
                held.total += total
                held.bad += lost
                self._dirty[name] = None
