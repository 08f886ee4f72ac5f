"""Stage two: the fold of one partition of drift-partials, where places are compared."""

import json
from collections.abc import Iterator
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from schemas.durations import UNITS_US
from schemas.records import DriftPartial, PartialKind
from streams.drift import partials
from streams.drift.comparison import Comparison
from streams.drift.partials import BUCKET_US, Answers, Place
from streams.drift.validations import Validations
from streams.heard_clock import HeardClock
from streams.processor import LogBatch

UNHEARD_US: Final = 60_000_000
"""A source partition that is unheard for longer is not waited for."""
MAX_PLACES: Final = 10_000
FORGET_US: Final = 30 * UNITS_US["d"]

_Cells = dict[Place, dict[int, tuple[int, Answers]]]


class ComparingFold:
    """Closes minutes that every source partition has passed, and compares what was answered.

    Args:
        validations: What answers are compared with; shared, it only grows.
        generation: Of stage one; counts of another one are passed over.

    Attributes:
        validations: As given.
        places: Comparisons by place.
        unjudged: Windows of places without a reference.
        tally: `closed`: cells of minutes that were closed before: repeats after a restart, or too
            late to be compared; `overflow`: windows of places beyond the 10,000th; `unlike`:
            windows with more classes than the reference of their release.
        started_us: Wall clock at which the first reader of this state started; 0: not yet.
    """

    def __init__(self, validations: Validations, generation: str) -> None:
        self.validations, self._generation = validations, generation
        self._clock = HeardClock()
        self._through: dict[int, int] = {}
        self._cells: dict[int, _Cells] = {}
        self._closed = -1
        self._heard: dict[Place, int] = {}
        self.places: dict[Place, Comparison] = {}
        self.unjudged: dict[Place, int] = {}
        self.tally = dict.fromkeys(("closed", "overflow", "unlike"), 0)
        self.started_us = 0

    @property
    def ingest_us(self) -> int:
        """Ingest time through which all was counted; 0: not known."""
        told = {str(partition): at for partition, at in self._through.items()}
        return self._clock.heard_through(told, UNHEARD_US)

    def caught_up(self, now_us: int) -> bool:
        """Whether what holds is news: a state made anew of an old log begins with history."""
        self.started_us = self.started_us or now_us
        return self.ingest_us >= self.started_us

    def apply(self, batch: LogBatch) -> None:
        """Take the next stretch of the partition."""
        own = pc.equal(batch.rows.column("generation"), self._generation)
        mask = own.to_numpy(zero_copy_only=False)
        stamps = batch.stamps_us[mask].tolist()
        records = partials.from_rows(batch.rows.filter(pa.array(mask)))
        for record, stamp in zip(records, stamps, strict=True):
            self.observe(record, stamp)

    def observe(self, record: DriftPartial, stamp_us: int) -> None:
        """Take the next record of stage one's generation in log order."""
        if record.kind is PartialKind.PROGRESS:
            self._clock.move(stamp_us)
            partition = record.source_partition
            self._clock.hear(str(partition))
            self._through[partition] = max(record.ingest_ts, self._through.get(partition, 0))
            self._close()
        elif record.bucket_start is not None:
            self._put(record, record.bucket_start // BUCKET_US)

    def snapshot(self) -> bytes:
        """State as JSON."""
        state = {
            "clock": self._clock.state(),
            "through": list(self._through.items()),
            "closed": self._closed,
            "cells": [
                [bucket, place, partition, last_offset, counts.state()]
                for bucket, cells in self._cells.items()
                for place, parts in cells.items()
                for partition, (last_offset, counts) in parts.items()
            ],
            "validations": self.validations.state({place.release_id for place in self.places}),
            "places": [[place, held.state()] for place, held in self.places.items()],
            "heard": list(self._heard.items()),
            "unjudged": list(self.unjudged.items()),
            "tally": self.tally,
            "started_us": self.started_us,
        }
        return json.dumps(state, separators=(",", ":")).encode()

    def restore(self, snapshot: bytes) -> None:
        """Take the state of `snapshot()`."""
        state: dict[str, Any] = json.loads(snapshot)
        self._clock.load(state["clock"])
        self._through, self._closed = dict(state["through"]), state["closed"]
        for bucket, place, partition, last_offset, counts in state["cells"]:
            cells = self._cells.setdefault(bucket, {}).setdefault(Place(*place), {})
            cells[partition] = (last_offset, partials.answers(counts))
        self.validations.load(state["validations"])
        for place, held in state["places"]:
            comparison = self._comparison(Place(*place))
            if comparison is not None:
                comparison.load(held)
        self._heard = {Place(*place): at for place, at in state["heard"]}
        self.unjudged = {Place(*place): windows for place, windows in state["unjudged"]}
        self.tally, self.started_us = state["tally"], state["started_us"]

    def _put(self, record: DriftPartial, bucket: int) -> None:
        if bucket <= self._closed:
            self.tally["closed"] += 1
            return
        place = Place(record.release_id, record.region, record.hardware)
        parts = self._cells.setdefault(bucket, {}).setdefault(place, {})
        held = parts.get(record.source_partition)
        if held is None or record.last_offset >= held[0]:
            parts[record.source_partition] = (record.last_offset, partials.counted(record))

    def _close(self) -> None:
        over = self.ingest_us // BUCKET_US
        for bucket in sorted(at for at in self._cells if at < over):
            end_us = (bucket + 1) * BUCKET_US
            for place, parts in sorted(self._cells.pop(bucket).items()):
                self._compare(place, _total(parts), end_us)
            self._forget(end_us)
        self._closed = max(self._closed, over - 1)

    def _compare(self, place: Place, counts: Answers, at_us: int) -> None:
        if place not in self._heard and len(self._heard) >= MAX_PLACES:
            self.tally["overflow"] += counts.windows
            return
        self._heard[place] = at_us
        comparison = self._comparison(place)
        if comparison is None:
            self.unjudged[place] = self.unjudged.get(place, 0) + counts.windows
        elif len(counts.classes) > comparison.classes:
            self.tally["unlike"] += counts.windows
        else:
            comparison.count(counts, at_us)

    def _comparison(self, place: Place) -> Comparison | None:
        found = self.places.get(place)
        bounds = self.validations.bounds(place.release_id, place.region)
        if found is None and bounds is not None:
            found = self.places[place] = Comparison(bounds)
        return found

    def _forget(self, at_us: int) -> None:
        """Places of which nothing was heard for thirty days; what is drifted waits for its end."""
        for place in [one for one, at in self._heard.items() if at < at_us - FORGET_US]:
            held = self.places.get(place)
            if held is None or held.shift is None:
                self.places.pop(place, None)
                self.unjudged.pop(place, None)
                del self._heard[place]


def shifted(fold: ComparingFold) -> Iterator[tuple[Place, Comparison]]:
    """Places that have drifted."""
    return ((place, held) for place, held in fold.places.items() if held.shift is not None)


def _total(parts: dict[int, tuple[int, Answers]]) -> Answers:
    total = Answers()
    for _, counts in parts.values():
        total.add(counts)
    return total
