"""Named queries: SQL files that say what they answer, in which unit, with which parameters."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from typing import Any, Final

from consumers.clickhouse.client import native
from infra.settings import ClickHouseSettings

_HEADER: Final = re.compile(r"-- (?P<what>title|answers|unit|from|whole|param)[: ] ?(?P<text>.+)")
_PARAM: Final = re.compile(
    r"(?P<name>[a-z_]+): (?P<type>\w+)(?: = (?P<default>\S+))? -- (?P<doc>.+)"
)
_RULES: Final = {
    "String": (re.compile(r"[^\x00]*"), "any text"),
    "UInt32": (re.compile(r"\d{1,5}"), "a whole number of at most 5 digits"),
    "Float64": (re.compile(r"-?\d+(\.\d+)?"), "a number like 0.5"),
    "DateTime": (
        re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"),
        "a UTC time like 2026-01-31 08:00:00",
    ),
}


class QueryError(ValueError):
    """No such query, or a parameter that does not fit; the message lists what is allowed."""


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter.

    Attributes:
        default: Text of the default; None when it must be given.
    """

    name: str
    type: str
    default: str | None
    doc: str


@dataclass(frozen=True, slots=True)
class Query:
    """One named query.

    Attributes:
        tables: Tables and rollups it reads.
        whole: Those of them that it reads whole by design: small tables, or rollups of all.
    """

    name: str
    title: str
    answers: str
    unit: str
    tables: tuple[str, ...]
    whole: tuple[str, ...]
    params: tuple[Param, ...]
    sql: str

    def bind(self, given: Mapping[str, str]) -> dict[str, str]:
        """Values of all parameters.

        Raises:
            QueryError: One is unknown, missing, or not of its type.
        """
        known = {param.name: param for param in self.params}
        for name in given:
            if name not in known:
                allowed = ", ".join(known) or "none"
                raise QueryError(f"query {self.name} has no parameter {name!r}; allowed: {allowed}")
        return {param.name: _value(self.name, param, given) for param in self.params}


def stored() -> dict[str, Query]:
    """The queries of this package by name."""
    folder = files("infra.clickhouse") / "queries"
    found = sorted((item.name, item.read_text()) for item in folder.iterdir())
    return {
        name.removesuffix(".sql"): parse(name.removesuffix(".sql"), text)
        for name, text in found
        if name.endswith(".sql")
    }


def named(name: str) -> Query:
    """One query.

    Raises:
        QueryError: There is none of that name; the message lists those there are.
    """
    queries = stored()
    if name not in queries:
        raise QueryError(f"no query {name!r}; there are: {', '.join(queries)}")
    return queries[name]


def parse(name: str, text: str) -> Query:
    """A query from the text of its file.

    Raises:
        QueryError: A header is missing or not readable, or names differ from those in the SQL.
    """
    lines = text.splitlines()
    heads = [line for line in lines if line.startswith("-- ")]
    sql = "\n".join(line for line in lines if not line.startswith("-- ")).strip()
    told: dict[str, str] = {}
    params: list[Param] = []
    for head in heads:
        match = _HEADER.fullmatch(head)
        if match is None:
            raise QueryError(
                f"query {name}: header {head!r} is not title, answers, unit, from, whole or param"
            )
        if match["what"] == "param":
            params.append(_param(name, match["text"]))
        else:
            told[match["what"]] = match["text"]
    if missing := {"title", "answers", "unit", "from"} - told.keys():
        raise QueryError(f"query {name}: header {', '.join(sorted(missing))} is missing")
    used = set(re.findall(r"\{(\w+):\w+\}", sql))
    if used != {param.name for param in params}:
        raise QueryError(
            f"query {name}: parameters in the SQL are {sorted(used)}, not the headers'"
        )
    tables = tuple(told["from"].split(", "))
    whole = tuple(told["whole"].split(", ")) if "whole" in told else ()
    if not set(whole) <= set(tables):
        raise QueryError(f"query {name}: header whole names a table that is not in from")
    return Query(
        name, told["title"], told["answers"], told["unit"], tables, whole, tuple(params), sql
    )


@dataclass(frozen=True, slots=True)
class Answer:
    """Column names and rows, values as ClickHouse gave them; without rows the names still stand."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def records(self) -> list[dict[str, Any]]:
        """Rows by column name, times as text."""
        return [dict(zip(self.columns, map(_shown, row), strict=True)) for row in self.rows]


def run(
    clickhouse: ClickHouseSettings, name: str, given: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Rows of a query, by column name; raises what `answer` does."""
    return answer(clickhouse, name, given).records()


def answer(clickhouse: ClickHouseSettings, name: str, given: Mapping[str, str]) -> Answer:
    """Answer of a query.

    Raises:
        QueryError: No such query or a parameter that does not fit.
        UnreachableError: ClickHouse does not answer.
        ClickHouseError: It refused the query.
    """
    query = named(name)
    values = query.bind(given)
    with native(clickhouse) as client:
        rows, columns = client.query(query.sql, values)
    return Answer(tuple(columns), tuple(rows))


def _param(query: str, text: str) -> Param:
    match = _PARAM.fullmatch(text)
    if match is None or match["type"] not in _RULES:
        raise QueryError(
            f"query {query}: parameter {text!r} is not `name: Type = default -- meaning` with one "
            f"of the types {', '.join(_RULES)}"
        )
    default = None if match["default"] is None else match["default"].strip("'")
    return Param(match["name"], match["type"], default, match["doc"])


def _value(query: str, param: Param, given: Mapping[str, str]) -> str:
    value = given.get(param.name, param.default)
    if value is None:
        raise QueryError(f"query {query} needs --param {param.name}=... ({param.doc})")
    pattern, rule = _RULES[param.type]
    if not pattern.fullmatch(value):
        raise QueryError(f"query {query}: {param.name}={value!r} is not {rule} ({param.doc})")
    return value


def _shown(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
