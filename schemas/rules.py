"""The kinds of rules that records are held to, each worked out for a whole batch at once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.leaves import Leaf, Leaves, told

Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

HEX_DIGITS: Final = 64
_IS_HEX: Final = np.isin(np.arange(256), np.frombuffer(b"0123456789abcdefABCDEF", np.uint8))


@dataclass(frozen=True, slots=True)
class Breach:
    """One row that breaks a rule, with the value to show."""

    row: int
    value: Any


class Rule(Protocol):
    """One rule of one topic.

    Attributes:
        field: Dotted path that the rule speaks of.
        text: The rule as a sentence.
    """

    @property
    def field(self) -> str: ...  # noqa: D102 - told above
    @property
    def text(self) -> str: ...  # noqa: D102 - told above

    def breaches(self, leaves: Leaves, stamps_us: Rows) -> list[Breach]:
        """Rows that break the rule, each once."""


@dataclass(frozen=True, slots=True)
class _OfPath:
    """A rule about the values of one path."""

    path: str

    @property
    def field(self) -> str:
        """The path as a message names it."""
        return told(self.path)


@dataclass(frozen=True, slots=True)
class Within(_OfPath):
    """Each number of a path lies in [low, high]; null passes, NaN does not."""

    low: float
    high: float | None = None

    @property
    def text(self) -> str:
        """The bounds."""
        if self.high is None:
            return f"is at least {self.low:g}"
        return f"is in [{self.low:g}, {self.high:g}]"

    def breaches(self, leaves: Leaves, stamps_us: Rows) -> list[Breach]:  # noqa: ARG002 - the interface of Rule
        """Rows with a number outside."""
        leaf = leaves[self.path]
        numbers = leaf.numbers(self.low)
        if self._hold_all(numbers):
            return []
        inside = numbers >= self.low
        if self.high is not None:
            inside &= numbers <= self.high
        return _first_of_each_row(leaf, ~inside)

    def _hold_all(self, numbers: npt.NDArray[Any]) -> bool:
        """Whether none is outside, as nearly always; a NaN is its list's minimum and maximum."""
        if not len(numbers):
            return True
        lowest, highest = numbers.min(), numbers.max()
        return bool(lowest >= self.low and (self.high is None or highest <= self.high))


@dataclass(frozen=True, slots=True)
class AtMostItems(_OfPath):
    """A list or map has at most `limit` items."""

    limit: int

    @property
    def text(self) -> str:
        """The limit."""
        return f"has at most {self.limit:,} items"

    def breaches(self, leaves: Leaves, stamps_us: Rows) -> list[Breach]:  # noqa: ARG002 - the interface of Rule
        """Rows with a longer list."""
        leaf = leaves[self.path]
        lengths = np.diff(np.asarray(leaf.values.offsets, np.int64))
        places = np.flatnonzero(lengths > self.limit)
        return _once(leaf.rows(places), [f"{lengths[place]:,} items" for place in places])


@dataclass(frozen=True, slots=True)
class AtMostCharacters(_OfPath):
    """A string has at most `limit` characters."""

    limit: int

    @property
    def text(self) -> str:
        """The limit."""
        return f"has at most {self.limit:,} characters"

    def breaches(self, leaves: Leaves, stamps_us: Rows) -> list[Breach]:  # noqa: ARG002 - the interface of Rule
        """Rows with a longer string; bytes are counted first, since there are never fewer."""
        leaf = leaves[self.path]
        longest = pc.max(pc.binary_length(leaf.values)).as_py()
        if longest is None or longest <= self.limit:
            return []
        over = pc.greater(pc.utf8_length(leaf.values), self.limit)
        return _first_of_each_row(leaf, pc.fill_null(over, False).to_numpy(zero_copy_only=False))  # noqa: FBT003 - Arrow's signature


@dataclass(frozen=True, slots=True)
class HexDigest(_OfPath):
    """A string is 64 hex digits; null passes."""

    @property
    def text(self) -> str:
        """The form."""
        return f"is {HEX_DIGITS} hex digits"

    def breaches(self, leaves: Leaves, stamps_us: Rows) -> list[Breach]:  # noqa: ARG002 - the interface of Rule
        """Rows with another string."""
        leaf = leaves[self.path]
        if _all_hex(leaf.values):
            return []
        matches = pc.match_substring_regex(leaf.values, f"^[0-9a-fA-F]{{{HEX_DIGITS}}}$")
        return _first_of_each_row(leaf, ~_passed(matches))


@dataclass(frozen=True, slots=True)
class OneOf(_OfPath):
    """A string is one of the catalogue's names."""

    names: tuple[str, ...]

    @property
    def text(self) -> str:
        """The names."""
        return f"is in the catalogue: {', '.join(self.names)}"

    def breaches(self, leaves: Leaves, stamps_us: Rows) -> list[Breach]:  # noqa: ARG002 - the interface of Rule
        """Rows with another name."""
        leaf = leaves[self.path]
        known = pc.is_in(leaf.values, value_set=pa.array(self.names))
        return _first_of_each_row(leaf, ~known.to_numpy(zero_copy_only=False))


@dataclass(frozen=True, slots=True)
class NotAhead(_OfPath):
    """A timestamp is at most `limit_us` later than the broker's stamp of its record."""

    limit_us: int

    @property
    def text(self) -> str:
        """The limit."""
        return f"is at most {self.limit_us // 60_000_000} minutes ahead of the broker's time"

    def breaches(self, leaves: Leaves, stamps_us: Rows) -> list[Breach]:
        """Rows from the future."""
        leaf = leaves[self.path]
        return _first_of_each_row(leaf, leaf.numbers() > stamps_us + self.limit_us)


@dataclass(frozen=True, slots=True)
class Holds:
    """A relation between fields of one record: `holds` gives a truth value for each row."""

    field: str
    text: str
    holds: Callable[[Leaves], Mask]
    shown: tuple[str, ...]

    def breaches(self, leaves: Leaves, stamps_us: Rows) -> list[Breach]:  # noqa: ARG002 - the interface of Rule
        """Rows where it does not hold, with the fields it speaks of."""
        rows = np.flatnonzero(~self.holds(leaves))
        return [
            Breach(int(row), {path: leaves[path].first_value(int(row)) for path in self.shown})
            for row in rows
        ]


def row_sums(leaf: Leaf, count: int) -> Rows:
    """Sum of a list's numbers for each of `count` rows; the list is the path's only one."""
    edges = leaf.offsets[0]
    running = np.concatenate(([0], np.cumsum(leaf.numbers(), dtype=np.int64)))
    sums: Rows = (running[edges[1:]] - running[edges[:-1]])[:count]
    return sums


def _passed(matches: pa.Array) -> Mask:
    passed: Mask = pc.fill_null(matches, True).to_numpy(zero_copy_only=False)  # noqa: FBT003 - Arrow's signature
    return passed


def _all_hex(values: pa.Array) -> bool:
    lengths = pc.min_max(pc.binary_length(values)).as_py()
    if lengths["max"] is None:
        return True
    if lengths["min"] != HEX_DIGITS or lengths["max"] != HEX_DIGITS:
        return False
    # Few models write most records, so each digest once, and all at once over the raw characters:
    # a regular expression costs ten times as much.
    values = pc.unique(values)
    edges = np.frombuffer(values.buffers()[1], np.int32, len(values) + 1, values.offset * 4)
    raw = np.frombuffer(values.buffers()[2], np.uint8)[edges[0] : edges[-1]]
    return bool(_IS_HEX[raw].all())


def _first_of_each_row(leaf: Leaf, broken: Mask) -> list[Breach]:
    if not broken.any():
        return []
    places = np.flatnonzero(broken)
    return _once(leaf.rows(places), [leaf.values[int(place)].as_py() for place in places])


def _once(rows: Rows, values: list[Any]) -> list[Breach]:
    first: dict[int, Any] = {}
    for row, value in zip(rows.tolist(), values, strict=True):
        first.setdefault(row, value)
    return [Breach(row, value) for row, value in first.items()]
