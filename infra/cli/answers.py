"""How the answer of a named query leaves the program: for a person, a script or a data frame."""

import csv
import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from infra.cli.output import Exit, Format, fail, say, show
from infra.clickhouse.queries import Answer

_CLEAR = "\x1b[2J\x1b[H"


class AnswerFormat(StrEnum):
    """Output format of `query run`."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"


AnswerFormatOption = Annotated[
    AnswerFormat, typer.Option("-o", "--output", help="table, json, csv or parquet")
]


def write(answer: Answer, form: AnswerFormat) -> None:
    """Write an answer to stdout; CSV and Parquet name their columns also when no row came."""
    match form:
        case AnswerFormat.TABLE:
            show(answer.records(), Format.TABLE)
        case AnswerFormat.JSON:
            show(answer.records(), Format.JSON)
        case AnswerFormat.CSV:
            _write_csv(answer)
        case AnswerFormat.PARQUET:
            _write_parquet(answer)


def watch(ask: Callable[[], Answer], seconds: float) -> None:
    """Show a table again and again, each in place of the one before, until Ctrl-C."""
    try:
        while True:
            answer = ask()
            if sys.stdout.isatty():
                sys.stdout.write(_CLEAR)
            say(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC, every {seconds:g} s, Ctrl-C ends it")
            write(answer, AnswerFormat.TABLE)
            sys.stdout.flush()
            time.sleep(seconds)
    except KeyboardInterrupt:
        return


def _write_csv(answer: Answer) -> None:
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(answer.columns)
    for record in answer.records():
        out.writerow(_cell(value) for value in record.values())


def _cell(value: Any) -> Any:
    """Maps and arrays as JSON: a spreadsheet keeps them in one cell, a script reads them back."""
    return json.dumps(value, default=str) if isinstance(value, dict | list | tuple) else value


def _write_parquet(answer: Answer) -> None:
    if sys.stdout.isatty():
        fail("Parquet is not for a terminal: send it to a file, `-o parquet > FILE`", Exit.USAGE)
    import pyarrow as pa  # noqa: PLC0415 - half a second that only this format needs
    from pyarrow import parquet  # noqa: PLC0415 - as above

    columns = zip(*answer.rows, strict=True) if answer.rows else ((),) * len(answer.columns)
    arrays = [pa.array([_arrow(value) for value in column]) for column in columns]
    parquet.write_table(pa.table(arrays, names=list(answer.columns)), sys.stdout.buffer)


def _arrow(value: Any) -> Any:
    """Maps as JSON: their keys differ from row to row, a struct's fields may not."""
    return json.dumps(value, default=str) if isinstance(value, dict) else value
