"""Stage two: the fold of one partition of slo-partials, with one engine for each SLO."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import TypeAdapter

from schemas.records import PartialKind, SloPartial
from streams.blobs import Blobs, Reading
from streams.processor import LogBatch
from streams.slo import partials
from streams.slo.engine import Engine
from streams.slo.objectives import Slo
from streams.slo.transitions import Transition
from streams.withdrawals import Withdrawal

UNHEARD_US: Final = 60_000_000
SETTLING_US: Final = 3_000_000
MAX_PENDING: Final = 50_000

_PENDING: Final = TypeAdapter(list[tuple[str, Transition]])


@dataclass(slots=True)
class Heard:
    """How far one source partition is, as its last PROGRESS tells."""

    watermark_us: int
    ingest_us: int
    stamp_us: int


class SourceTime:
    """Time of stage two: the minimum over the source partitions that report.

    A partition that was not heard for 60 s of this log is left out. For the first three seconds
    nothing is known, so that every partition has had its turn.
    """

    def __init__(self) -> None:
        self._heard: dict[int, Heard] = {}
        self._first_us: int | None = None

    def observe(self, record: SloPartial, stamp_us: int) -> None:
        """Take note of a PROGRESS record; time of a partition never goes back."""
        self._first_us = stamp_us if self._first_us is None else self._first_us
        held = self._heard.setdefault(record.source_partition, Heard(0, 0, 0))
        held.watermark_us = max(held.watermark_us, record.watermark)
        held.ingest_us = max(held.ingest_us, record.ingest_ts)
        held.stamp_us = max(held.stamp_us, stamp_us)

    def now(self) -> tuple[int, int] | None:
        """Watermark and ingest time, None while it is not known."""
        latest = max((held.stamp_us for held in self._heard.values()), default=0)
        if self._first_us is None or latest - self._first_us < SETTLING_US:
            return None
        live = [held for held in self._heard.values() if held.stamp_us > latest - UNHEARD_US]
        return min(held.watermark_us for held in live), min(held.ingest_us for held in live)

    def state(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {
            "first_us": self._first_us,
            "heard": [
                [partition, held.watermark_us, held.ingest_us, held.stamp_us]
                for partition, held in self._heard.items()
            ],
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take the values of `state()`."""
        self._first_us = state["first_us"]
        self._heard = {partition: Heard(*rest) for partition, *rest in state["heard"]}


class BurnFold:
    """Folds what one generation of stage one tells in one partition of slo-partials.

    Args:
        slos: The SLO file.
        counted_by: The generation of stage one whose counts are read; others are passed over.
        withdrawals: Releases rolled back, shared with the processor that reads them.

    Attributes:
        engines: What is known of each SLO of which a cell was read.
        pending: Transitions that may not be on the log yet, in order; the oldest fall out beyond
            50,000, and what then holds is told by the comparison with the log.
        replaying: It was built from the log's beginning and has not caught up with where its
            reader started: what it finds is history, not news.
        started_us: Wall clock at which the first reader of this state started; 0: not yet. One
            that dies before it has caught up must not make history of what came since.
    """

    def __init__(
        self, slos: Sequence[Slo], counted_by: str, withdrawals: Mapping[Withdrawal, int]
    ) -> None:
        self._slos = {slo.name: slo for slo in slos}
        self._counted_by = counted_by
        self._withdrawals = withdrawals
        self._time = SourceTime()
        self.engines: dict[str, Engine] = {}
        self.pending: deque[tuple[str, Transition]] = deque(maxlen=MAX_PENDING)
        self.replaying = True
        self.started_us = 0
        self._complete_us: int | None = None

    def apply(self, batch: LogBatch) -> None:
        """Take the next stretch of the partition, record by record.

        A log that has lost its beginning before anything was read makes the windows that reach
        back before it partial: what was counted there is gone.
        """
        if self._complete_us is None and len(batch.offsets):
            lost = int(batch.offsets[0]) > 0
            self._complete_us = int(batch.stamps_us[0]) if lost else 0
        for record, stamp in zip(
            partials.from_rows(batch.rows), batch.stamps_us.tolist(), strict=True
        ):
            self.observe(record, stamp)

    def observe(self, record: SloPartial, stamp_us: int) -> None:
        """Take the next record in log order; one of an SLO that is not in the file is let be."""
        if record.generation != self._counted_by:
            return
        if record.kind is PartialKind.CELL and record.slo in self._slos:
            self._engine(record.slo).observe(record)
        elif record.kind is PartialKind.PROGRESS:
            self._time.observe(record, stamp_us)
            now = self._time.now()
            if now is not None:
                for name, engine in self.engines.items():
                    self._tell(name, engine.advance(*now))

    def withdraw(self, release: str, hardware: str | None, at_us: int) -> None:
        """Let nothing of a withdrawn release count any more."""
        for name, engine in self.engines.items():
            self._tell(name, engine.withdraw(release, hardware, at_us, self._ingest_us))

    def caught_up(self, now_us: int) -> bool:
        """Whether what it finds is news; what it found of the time before is dropped."""
        self.started_us = self.started_us or now_us
        if self.replaying:
            news = [one for one in self.pending if one[1].ingest_us >= self.started_us]
            self.pending.clear()
            self.pending.extend(news)
            self.replaying = self._ingest_us < self.started_us
        return not self.replaying

    def snapshot(self) -> bytes:
        """State as one JSON value and the counts beside it, packed."""
        blobs = Blobs()
        state = {
            "replaying": self.replaying,
            "started_us": self.started_us,
            "complete_us": self._complete_us,
            "time": self._time.state(),
            "engines": {name: engine.state(blobs) for name, engine in self.engines.items()},
            "pending": _PENDING.dump_python(list(self.pending), mode="json"),
        }
        return blobs.pack(state)

    def restore(self, snapshot: bytes) -> None:
        """Take the state of `snapshot()`."""
        reading = Reading(snapshot)
        state: dict[str, Any] = reading.value
        self.replaying = state["replaying"]
        self.started_us = state["started_us"]
        self._complete_us = state["complete_us"]
        self._time.load(state["time"])
        self.pending.extend(_PENDING.validate_python(state["pending"]))
        for name, held in state["engines"].items():
            engine = self.engines[name] = Engine(self._slos[name])
            engine.load(held, reading)
        for (release, hardware), at_us in self._withdrawals.items():
            self.withdraw(release, hardware, at_us)

    @property
    def _ingest_us(self) -> int:
        """Ingest time up to which every source partition was read; 0: not known."""
        now = self._time.now()
        return now[1] if now else 0

    def _engine(self, name: str) -> Engine:
        engine = self.engines.get(name)
        if engine is None:
            engine = self.engines[name] = Engine(self._slos[name])
            engine.complete_us = self._complete_us or 0
            for (release, hardware), at_us in self._withdrawals.items():
                engine.withdraw(release, hardware, at_us, 0)
        return engine

    def _tell(self, name: str, found: Iterable[Transition]) -> None:
        self.pending.extend((name, transition) for transition in found)
