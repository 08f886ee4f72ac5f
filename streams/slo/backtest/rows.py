"""Counts of the past as CSV: times, labels and counts, every malformed row named by its line."""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from schemas import moments

MAX_LABEL: Final = 1_024
MAX_TOLD: Final = 20
_COUNT: Final = re.compile(r"\d{1,18}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]")

Row = TypeVar("Row")


class RowsError(ValueError):
    """A file of which no row is used; the message names each malformed row."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Events that ended by `at_us` (UTC microseconds) with these labels; `bad` are among them."""

    at_us: int
    labels: Mapping[str, str]
    total: int
    bad: int


@dataclass(frozen=True, slots=True)
class Incident:
    """A time in which something was really wrong, where the labels say; no labels: everywhere."""

    start_us: int
    end_us: int
    labels: Mapping[str, str]


def series(lines: Iterable[str], name: str) -> list[Counted]:
    """Rows of a series: columns time, total, bad; every other column is a label.

    Args:
        lines: Text of the file.
        name: Stands in the messages.

    Raises:
        RowsError: A column is missing or a row is malformed; up to 20 rows are named.
    """
    seen: dict[tuple[str, ...], int] = {}

    def read(row: Mapping[str, str], line: int) -> Counted:
        total, bad = _count(row, "total"), _count(row, "bad")
        if bad > total:
            raise ValueError(f"bad={bad} is more than total={total}")
        labels = _labels(row, ("time", "total", "bad"))
        at_us = micros(row["time"], "time")
        first = seen.setdefault((str(at_us), *labels.values()), line)
        if first != line:
            raise ValueError(f"repeats time and labels of line {first}")
        return Counted(at_us, labels, total, bad)

    return _read(lines, name, ("time", "total", "bad"), read)


def incidents(lines: Iterable[str], name: str) -> list[Incident]:
    """Rows of incidents: columns start, end; every other column is a label.

    Raises:
        RowsError: As `series` does.
    """

    def read(row: Mapping[str, str], _: int) -> Incident:
        start, end = micros(row["start"], "start"), micros(row["end"], "end")
        if end <= start:
            raise ValueError(f"end={row['end']} is not after start={row['start']}")
        return Incident(start, end, _labels(row, ("start", "end")))

    return _read(lines, name, ("start", "end"), read)


def micros(text: str, field: str) -> int:
    """UTC microseconds of a time; the message names the field.

    Raises:
        ValueError: It is none, or names no zone.
    """
    try:
        return moments.parse(text)
    except ValueError as error:
        raise ValueError(f"{field}={error}") from None


def _read(
    lines: Iterable[str],
    name: str,
    needed: Sequence[str],
    read: Callable[[Mapping[str, str], int], Row],
) -> list[Row]:
    reader = csv.reader(lines, strict=True)
    found: list[Row] = []
    wrong: list[str] = []
    try:
        columns = _columns(reader, name, needed)
        for cells in filter(None, reader):
            try:
                found.append(read(_row(columns, cells), reader.line_num))
            except ValueError as error:
                wrong.append(f"{name}, line {reader.line_num}: {error}")
                if len(wrong) == MAX_TOLD:
                    break
    except csv.Error as error:
        wrong.append(f"{name}, line {reader.line_num}: no CSV: {error}")
    if wrong:
        raise RowsError("\n".join(wrong))
    return found


def _columns(reader: Iterator[list[str]], name: str, needed: Sequence[str]) -> list[str]:
    columns = [cell.strip() for cell in next(reader, [])]
    if missing := [column for column in needed if column not in columns]:
        raise RowsError(
            f"{name}, line 1: no column {', '.join(missing)}; there are: {', '.join(columns)}"
        )
    if doubled := sorted({column for column in columns if columns.count(column) > 1}):
        raise RowsError(f"{name}, line 1: column {doubled[0]!r} stands twice")
    return columns


def _row(columns: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    if len(cells) != len(columns):
        raise ValueError(f"{len(cells)} cells, the first line has {len(columns)}")
    return dict(zip(columns, cells, strict=True))


def _count(row: Mapping[str, str], column: str) -> int:
    if not _COUNT.fullmatch(row[column]):
        raise ValueError(f"{column}={row[column][:40]!r} is no whole number from 0 on")
    return int(row[column])


def _labels(row: Mapping[str, str], others: Sequence[str]) -> dict[str, str]:
    labels = {name: value for name, value in row.items() if name not in others}
    for name, value in labels.items():
        if len(value) > MAX_LABEL:
            raise ValueError(f"label {name} has {len(value)} characters; at most {MAX_LABEL}")
        if _CONTROL.search(value):
            raise ValueError(f"label {name}={value[:40]!r} holds a control character")
    return labels
