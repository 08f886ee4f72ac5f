"""Which materialized views fill which rollups, and whether a rollup can tell what it holds."""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from consumers.clickhouse.server import Server

OFFSETS: Final = "_offsets"
"""Column of a rollup: the highest offset it holds, by `topic id/partition`."""

# Merging these twice is merging them once, so a repeated insert changes nothing.
_REPEATABLE: Final = re.compile(
    r"(Simple)?AggregateFunction\((max|min|any|anyLast|argMax|argMin|maxMap|minMap|uniq\w*"
    r"|groupUniqArray\w*|groupBit\w+)\b"
)
_TARGET: Final = re.compile(r" TO `?(\w+)`?\.`?(\w+)`? ")


@dataclass(frozen=True, slots=True)
class Rollup:
    """One materialized view and the table it fills.

    Attributes:
        view: Name of the view.
        source: Table whose inserts it sees.
        target: Table it writes to.
        select: Its query; `source` stands in it without the database's name.
        columns: Columns of the target that it gives.
        keeps_offsets: It gives `OFFSETS`; otherwise all it gives may be added twice.
    """

    view: str
    source: str
    target: str
    select: str
    columns: tuple[str, ...]
    keeps_offsets: bool


class UnsafeRollupError(ValueError):
    """A rollup could count a repeated insert twice; the message says which and what it lacks."""


def rollups(server: Server) -> Mapping[str, tuple[Rollup, ...]]:
    """Rollups by the table they are made from.

    Raises:
        UnsafeRollupError: One adds up without keeping the offsets it holds.
        ServerError: ClickHouse does not answer.
    """
    views = server.ask(
        "SELECT name, as_select, create_table_query FROM system.tables WHERE database = "
        "{database:String} AND engine = 'MaterializedView' ORDER BY name",
        database=server.database,
    )
    columns = _columns(server)
    found: dict[str, list[Rollup]] = defaultdict(list)
    for view, select, created in views:
        source = _source(server, str(view), str(select))
        target = _target(str(view), str(created))
        shared = tuple(name for name in columns[view] if name in columns[target])
        keeps = OFFSETS in shared
        if not keeps:
            _check_repeatable(str(view), target, {name: columns[target][name] for name in shared})
        plain = re.sub(rf"`?{re.escape(server.database)}`?\.(?=`?{source}\b)", "", str(select))
        found[source].append(Rollup(str(view), source, target, plain, shared, keeps))
    for made in found.values():
        _check_told_apart(made)
    return {source: tuple(made) for source, made in found.items()}


def repeatable(kind: str) -> bool:
    """Whether a column of this type is the same when the same rows are merged into it again."""
    return bool(_REPEATABLE.match(kind))


def _columns(server: Server) -> Mapping[str, Mapping[str, str]]:
    """Types of all columns by table; empty where the column is part of the sorting key."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for table, name, kind, key in server.ask(
        "SELECT table, name, type, is_in_sorting_key FROM system.columns "
        "WHERE database = {database:String} ORDER BY table, position",
        database=server.database,
    ):
        found[table][name] = "" if key else str(kind)
    return found


def _source(server: Server, view: str, select: str) -> str:
    """The table that the view's outermost FROM names."""
    name = re.search(rf"\bFROM `?{re.escape(server.database)}`?\.`?(\w+)`?", select)
    if name is None:
        raise UnsafeRollupError(
            f"view {view}: its query names no table of {server.database}, so a torn insert could "
            "not be mended; read from one table of this database, or drop the view"
        )
    return name[1]


def _target(view: str, created: str) -> str:
    name = _TARGET.search(created)
    if name is None:
        raise UnsafeRollupError(f"view {view} keeps its rows itself: make it with TO and a table")
    return name[2]


def _check_repeatable(view: str, target: str, kinds: Mapping[str, str]) -> None:
    for name, kind in kinds.items():
        if kind and not repeatable(kind):
            raise UnsafeRollupError(
                f"rollup {target}: a repeated insert would count twice in column {name} ({kind}). "
                f"Let view {view} also give `{OFFSETS}`, see docs/analytics.md"
            )


def _check_told_apart(made: list[Rollup]) -> None:
    keeping = [rollup.target for rollup in made if rollup.keeps_offsets]
    if doubled := sorted({target for target in keeping if keeping.count(target) > 1}):
        raise UnsafeRollupError(
            f"rollup {doubled[0]} is filled by two views of {made[0].source} that add up: its "
            f"`{OFFSETS}` cannot tell them apart; give one a table of its own"
        )
