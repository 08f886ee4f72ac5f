"""Counts of stage one, added up over its partitions, moment by moment."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from schemas.records import SloPartial
from streams.watch.silence import MAX_SHOWN, Missing

MAX_MOMENTS: Final = 100_000

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Found:
    """What holds for one key at one moment.

    Attributes:
        longest: Up to 20 silent devices, those silent longest first.
    """

    total: int = 0
    bad: int = 0
    longest: tuple[Missing, ...] = ()

    def __add__(self, other: "Found") -> "Found":
        longest = sorted(
            {*self.longest, *other.longest}, key=lambda one: (-one.silent_us, one.device_id)
        )
        return Found(self.total + other.total, self.bad + other.bad, tuple(longest[:MAX_SHOWN]))


@dataclass(frozen=True, slots=True)
class _Version:
    version: tuple[int, int]
    found: Found


class Signal:
    """One kind of counts.

    Args:
        moment_us: How long after its begin a bucket is complete.
    """

    def __init__(self, moment_us: int) -> None:
        self._moment_us = moment_us
        self._held: dict[int, dict[tuple[Labels, int], _Version]] = {}
        self._judged_us = 0

    def put(self, record: SloPartial) -> None:
        """Take a cell; one that is not newer, or of a moment that was judged, changes nothing."""
        begin = record.bucket_start or 0
        if begin <= self._judged_us:
            return
        name = (tuple(sorted(record.key.items())), record.source_partition)
        version = (record.last_offset, record.ingest_ts)
        cells = self._held.setdefault(begin, {})
        if name not in cells or cells[name].version < version:
            longest = tuple(Missing(one.device_id, one.latency_us) for one in record.exemplars)
            cells[name] = _Version(version, Found(record.total, record.bad, longest))
        if len(self._held) > MAX_MOMENTS:  # nobody tells how far it was read: the oldest is lost
            del self._held[min(self._held)]

    def due(self, now_us: int) -> Iterator[tuple[int, Mapping[Labels, Found]]]:
        """Each moment that is complete, in order, with the sums of its keys; each once."""
        complete = [begin for begin in self._held if begin + self._moment_us < now_us]
        for begin in sorted(complete):
            sums: dict[Labels, Found] = {}
            for (labels, _), held in self._held.pop(begin).items():
                sums[labels] = sums.get(labels, Found()) + held.found
            self._judged_us = begin
            yield begin, sums

    def state(self) -> dict[str, Any]:
        """All of it as plain values."""
        cells = [
            [begin, labels, partition, held.version, asdict(held.found)]
            for begin, cells in self._held.items()
            for (labels, partition), held in cells.items()
        ]
        return {"judged_us": self._judged_us, "cells": cells}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take the values of `state()`."""
        self._judged_us = state["judged_us"]
        for begin, labels, partition, version, found in state["cells"]:
            name = (as_labels(labels), partition)
            self._held.setdefault(begin, {})[name] = _Version(tuple(version), as_found(found))


def as_labels(plain: Any) -> Labels:
    """Labels of their JSON."""
    return tuple((name, value) for name, value in plain)


def as_found(plain: Mapping[str, Any]) -> Found:
    """What was found, of its JSON."""
    longest = tuple(Missing(**one) for one in plain["longest"])
    return Found(plain["total"], plain["bad"], longest)
