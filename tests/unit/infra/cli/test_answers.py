"""Answers of named queries as tables, JSON, CSV and Parquet, and again and again."""

import io
import json
import time

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from infra.cli import query
from infra.cli.answers import AnswerFormat, watch, write
from infra.cli.output import Exit
from infra.clickhouse.queries import Answer

ANSWER = Answer(("device", "labels"), (("d1", {"hardware": "HW3"}), ("d2", {})))


def test_csv_and_json_say_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    write(ANSWER, AnswerFormat.CSV)
    assert capsys.readouterr().out == 'device,labels\nd1,"{""hardware"": ""HW3""}"\nd2,{}\n'
    write(ANSWER, AnswerFormat.JSON)
    assert json.loads(capsys.readouterr().out)[0] == {"device": "d1", "labels": {"hardware": "HW3"}}


@pytest.mark.parametrize("answer", [ANSWER, Answer(ANSWER.columns, ())])
def test_parquet_names_its_columns_also_without_rows(
    answer: Answer, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    write(answer, AnswerFormat.PARQUET)
    table = pq.read_table(io.BytesIO(capfdbinary.readouterr().out))
    assert table.column_names == ["device", "labels"]
    assert table.num_rows == len(answer.rows)


def test_watching_ends_with_ctrl_c(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", pause)
    watch(lambda: ANSWER, 5.0)
    assert pauses == [5.0, 5.0]
    assert capsys.readouterr().out.count("d1") == 2


def test_only_tables_are_watched() -> None:
    result = CliRunner().invoke(query.app, ["run", "missing", "--watch", "1", "-o", "csv"])
    assert result.exit_code == Exit.USAGE
    assert "--watch is for tables, not for csv" in result.stderr
