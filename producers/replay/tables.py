"""Tables of a data set, read strictly: whole files, named columns, every odd row told."""

import csv
import gzip
import io
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from producers.replay.events import Refused, ReplayError

BLANK: Final = "BLANK"
MALFORMED: Final = "MALFORMED"


@dataclass(frozen=True, slots=True)
class Row:
    """One row. `row` counts from 1 within the file, `number` through all files of the set."""

    file: str
    row: int
    number: int
    cells: Mapping[str, str]

    def refused(self, why: str, detail: str) -> Refused:
        """Set this row aside."""
        return Refused(self.file, self.row, why, detail, _text(self.cells.values()))


def need(folder: Path, files: Iterable[str]) -> None:
    """Make sure that all files of a data set are there before the first event.

    Raises:
        ReplayError: Some are missing; the message names them.
    """
    if not folder.is_dir():
        raise ReplayError(f"{folder}: no such folder; --data names the folder of the data set")
    if missing := [name for name in files if not (folder / name).is_file()]:
        raise ReplayError(f"{folder}: missing: {', '.join(missing)}; the set is replayed whole")


def read_text(path: Path, encoding: str = "utf-8") -> str:
    """All of a text file; one named .gz is unpacked.

    Raises:
        ReplayError: It cannot be read, is cut off, or holds bytes that are no text.
    """
    try:
        body = path.read_bytes()
        return (gzip.decompress(body) if path.suffix == ".gz" else body).decode(encoding)
    except (OSError, EOFError, zlib.error) as error:
        raise ReplayError(f"{path}: not readable, or cut off: {error}") from error
    except UnicodeDecodeError as error:
        raise ReplayError(f"{path}: byte {error.start} is no {encoding} text") from error


def rows(
    folder: Path,
    file: str,
    columns: Sequence[str],
    *,
    encoding: str = "utf-8",
    start: int = 0,
) -> Iterator[Row | Refused]:
    """Rows of a CSV file; blank ones and those of another length are set aside.

    Args:
        folder: Of the data set.
        file: Its name there.
        columns: Must be there, others may. Names are compared with blanks and line ends as one.
        encoding: Of the text.
        start: Rows of the set's files before this one.

    Raises:
        ReplayError: The file is not readable, not CSV, or lacks a column.
    """
    lines = csv.reader(io.StringIO(read_text(folder / file, encoding), newline=""), strict=True)
    row = 0
    try:
        names = [" ".join(cell.split()) for cell in next(lines, [])]
        if missing := [name for name in columns if name not in names]:
            raise ReplayError(f"{folder / file}: no column {', '.join(missing)}")
        for row, cells in enumerate(lines, 1):
            if not any(cell.strip() for cell in cells):
                yield Refused(file, row, BLANK, "a blank line", _text(cells))
            elif len(cells) != len(names):
                detail = f"{len(cells)} cells, the header has {len(names)}"
                yield Refused(file, row, MALFORMED, detail, _text(cells))
            else:
                yield Row(file, row, start + row, dict(zip(names, cells, strict=True)))
    except csv.Error as error:
        raise ReplayError(f"{folder / file}, row {row + 1}: not CSV: {error}") from error


def optional_number(text: str) -> float | None:
    """A finite number; None when the cell is empty: what is missing stays missing.

    Raises:
        ValueError: It is something else.
    """
    if not text.strip():
        return None
    value = float(text)
    if value - value != 0:
        raise ValueError(f"{text!r} is not finite")
    return value


def _text(cells: Iterable[str]) -> str:
    """The row as CSV."""
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(list(cells))
    return out.getvalue()
