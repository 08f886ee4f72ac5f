"""The migrations on a replicated, sharded cluster: each statement as several; pure.

A table `t` becomes `t_local` on every server (replicated inside its shard) and `t`, which spreads
over all shards. Views that fill rollups stay inside a shard: from `s_local` to `t_local`, so that
an insert and its rollups are torn or repeated together, as on one server. Views that people read go
over all shards. Queries name `t` and need no change.
"""

from collections.abc import Iterator
from typing import Final

from infra.clickhouse.statements import Statement, StatementError

REMEMBERED_S: Final = 7 * 86_400
"""Seconds a replicated table remembers a token; the engine's default is an hour since 25.10."""

_PATH: Final = "'/clickhouse/tables/{shard}/{database}/{table}', '{replica}'"
_WINDOW: Final = "non_replicated_deduplication_window"


class ClusterRewriter:
    """Rewrites the statements of all migrations in their order: it knows what they made before.

    Args:
        cluster: Name of the cluster in the servers' remote_servers.
    """

    def __init__(self, cluster: str) -> None:
        self._on = f"ON CLUSTER `{cluster}`"
        self._cluster = cluster
        self._keys: dict[str, str] = {}

    def rewrite(self, text: str) -> Iterator[str]:
        """What to run instead of a statement.

        Raises:
            StatementError: It is of no form that migrations use.
        """
        statement = Statement.parse(text)
        for form, rule in (
            ("CREATE TABLE", self._table),
            ("CREATE MATERIALIZED VIEW", self._filling_view),
            ("CREATE VIEW", self._view),
            ("ALTER TABLE", self._alter),
            ("DROP TABLE", self._drop),
            ("DROP VIEW", self._drop),
        ):
            if statement.starts(form):
                yield from rule(statement)
                return
        raise StatementError(f"{text[:80]!r}: no rule says how a cluster runs it")

    def _table(self, made: Statement) -> Iterator[str]:
        at, name = made.name()
        engine = _engine(made)
        self._keys[name] = _sharding_key(made, engine)
        replicated = f"Replicated{made.tokens[engine].text}({_PATH})"
        changes = {at: f"{name}_local {self._on}", engine: replicated}
        yield str(made.replaced(changes | _window(made)))
        yield self._spread(name, "CREATE TABLE IF NOT EXISTS")

    def _spread(self, name: str, create: str) -> str:
        key = f", {self._keys[name]}" if self._keys[name] else ""
        return (
            f"{create} {name} {self._on} AS {name}_local "
            f"ENGINE = Distributed(`{self._cluster}`, currentDatabase(), {name}_local{key})"
        )

    def _filling_view(self, made: Statement) -> Iterator[str]:
        at, name = made.name()
        target = made.after("TO")
        changes = {at: f"{name} {self._on}", target: f"{made.tokens[target].word}_local"}
        yield str(made.replaced(changes | self._sources(made)))

    def _view(self, made: Statement) -> Iterator[str]:
        at, name = made.name()
        yield str(made.replaced({at: f"{name} {self._on}"}))

    def _alter(self, change: Statement) -> Iterator[str]:
        at, name = change.name()
        if name not in self._keys:
            yield str(change.replaced({at: f"{name} {self._on}"} | self._sources(change)))
            return
        yield str(change.replaced({at: f"{name}_local {self._on}"} | _window(change)))
        if any(change.tokens[place].says("COLUMN") for place in change.outer()):
            yield self._spread(name, "CREATE OR REPLACE TABLE")

    def _drop(self, drop: Statement) -> Iterator[str]:
        at, name = drop.name()
        waits = any(drop.tokens[place].says("SYNC") for place in drop.places())
        how = self._on if waits else f"{self._on} SYNC"
        yield str(drop.replaced({at: f"{name} {how}"}))
        if self._keys.pop(name, None) is not None:
            yield str(drop.replaced({at: f"{name}_local {how}"}))

    def _sources(self, statement: Statement) -> dict[int, str]:
        """Tables that a view reads, each under its own name, which its columns may be told by."""
        places, changes = statement.places(), {}
        for before, place, behind in zip(places, places[1:], [*places[2:], -1], strict=False):
            table = statement.tokens[place].word
            if statement.tokens[before].says("FROM", "JOIN") and table in self._keys:
                named = behind >= 0 and statement.tokens[behind].says("AS")
                changes[place] = f"{table}_local" if named else f"{table}_local AS {table}"
        return changes


def _engine(made: Statement) -> int:
    """Index of the engine's name."""
    places = made.places()
    at = places.index(made.after("ENGINE")) + 1
    engine, *behind = places[at:]
    argued = bool(behind) and made.tokens[behind[0]].text == "("
    if argued or not made.tokens[engine].word.endswith("MergeTree"):
        raise StatementError(
            f"{str(made)[:80]!r}: only engines of the MergeTree family, without arguments, are "
            "replicated"
        )
    return engine


def _sharding_key(made: Statement, engine: int) -> str:
    """By device where there is one, so that its facts meet; else by the row's identity.

    Tables that only views fill have none: nothing is inserted through their spread.
    """
    if made.tokens[engine].word == "AggregatingMergeTree":
        return ""
    if "device_id" in made.columns():
        return "cityHash64(device_id)"
    order = made.after("ORDER BY")
    row = made.inside(order) if made.tokens[order].text == "(" else [order]
    return f"cityHash64({' '.join(made.tokens[place].text for place in row)})"


def _window(statement: Statement) -> dict[int, str]:
    """The deduplication window by the name it has in replicated tables, and for how long."""
    places = statement.places()
    for before, size in zip(places, places[2:], strict=False):
        if statement.tokens[before].word == _WINDOW:
            seconds = f", replicated_deduplication_window_seconds = {REMEMBERED_S}"
            return {
                before: "replicated_deduplication_window",
                size: f"{statement.tokens[size].text}{seconds}",
            }
    return {}
