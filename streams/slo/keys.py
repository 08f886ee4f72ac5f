"""The keys of one SLO: which row of the arrays each one has, and which rows share a label value."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

Key = tuple[str, ...]
Ints = npt.NDArray[np.int64]


class Keys:
    """Rows of keys; the row of a forgotten key is given to the next new one.

    Args:
        names: The labels that make a key, in order.

    Attributes:
        taken: How often a row was given to a key: sums by value made before are out of date.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self.taken = 0
        self._rows: dict[Key, int] = {}
        self._labels: list[dict[str, str] | None] = []
        self._free: list[int] = []
        self._values: dict[str, dict[str, int]] = {name: {} for name in names}
        self._codes: dict[str, Ints] = {name: np.zeros(0, dtype=np.int64) for name in names}

    def __len__(self) -> int:
        """Rows in use or free: the arrays' size."""
        return len(self._labels)

    def __iter__(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Rows in use, with their labels."""
        return ((row, held) for row, held in enumerate(self._labels) if held is not None)

    def key(self, labels: Mapping[str, str]) -> Key:
        """The key of labels; others than those of the key may stand beside them."""
        return tuple(labels[name] for name in self.names)

    def find(self, labels: Mapping[str, str]) -> int | None:
        """Row of a key, None when it is not known."""
        return self._rows.get(self.key(labels))

    def labels(self, row: int) -> dict[str, str]:
        """Labels of a row in use.

        Raises:
            KeyError: The row is free.
        """
        held = self._labels[row]
        if held is None:
            raise KeyError(row)
        return held

    def take(self, labels: Mapping[str, str]) -> int:
        """A row for a new key."""
        self.taken += 1
        key = self.key(labels)
        if self._free:
            row = self._free.pop()
        else:
            row = len(self._labels)
            self._labels.append(None)
        self._rows[key] = row
        self._labels[row] = dict(zip(self.names, key, strict=True))
        self._encode(row, key)
        return row

    def release(self, row: int) -> None:
        """Forget a key."""
        del self._rows[self.key(self.labels(row))]
        self._labels[row] = None
        self._free.append(row)

    def by_value(self, label: str, values: Ints) -> Ints:
        """Sum of a number of every row by value of a label of the key; see `code`.

        Args:
            label: A label of the key.
            values: By row, shape [rows or more].
        """
        sums = np.zeros(len(self._values[label]), dtype=np.int64)
        np.add.at(sums, self._codes[label][: len(self)], values[: len(self)])
        return sums

    def code(self, label: str, value: str) -> int:
        """Where a value stands in what `by_value` gives."""
        return self._values[label][value]

    def state(self) -> list[list[str] | None]:
        """Keys by row."""
        return [None if held is None else list(held.values()) for held in self._labels]

    def load(self, state: Iterable[Sequence[str] | None]) -> None:
        """Take the keys of `state()`."""
        for row, held in enumerate(state):
            self._labels.append(None)
            if held is None:
                self._free.append(row)
                continue
            key = tuple(held)
            self._rows[key] = row
            self._labels[row] = dict(zip(self.names, key, strict=True))
            self._encode(row, key)

    def _encode(self, row: int, key: Key) -> None:
        for name, value in zip(self.names, key, strict=True):
            codes, values = self._codes[name], self._values[name]
            if row >= len(codes):
                codes = self._codes[name] = np.pad(codes, (0, row // 8 + 1 + row - len(codes)))
            codes[row] = values.setdefault(value, len(values))
