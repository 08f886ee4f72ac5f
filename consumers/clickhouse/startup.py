"""What must hold of ClickHouse before the first insert: settings honoured, tables as expected."""

import re
from collections.abc import Iterable
from typing import Final

from consumers.clickhouse.columns import Target
from consumers.clickhouse.forgetting import PLACES
from consumers.clickhouse.leases import WINDOW_BLOCKS
from consumers.clickhouse.rollups import UnsafeRollupError, rollups
from consumers.clickhouse.server import INSERT_SETTINGS, Server
from consumers.clickhouse.settling import Inspect, Repeat, Settling

_MIGRATE: Final = "run `fleetloop clickhouse apply`"
_WINDOW: Final = re.compile(r"non_replicated_deduplication_window = (\d+)")


class NotReadyError(RuntimeError):
    """ClickHouse cannot be written to safely; the message says what to do."""


def check(server: Server, mappings: Iterable[Target]) -> Settling:
    """Refuse to start where rows could be lost, doubled or cut.

    Returns:
        How an insert that may or may not be stored is ended on this server.

    Raises:
        NotReadyError: A setting is not honoured, a table or a column is missing or other, or a
            rollup could count a repeated insert twice.
        ServerError: ClickHouse does not answer.
    """
    _check_settings(server)
    engines = _engines(server)
    mappings = tuple(mappings)
    for mapping in (*mappings, PLACES):
        if mapping.table not in engines:
            raise NotReadyError(f"{server.database}.{mapping.table} is missing: {_MIGRATE}")
        _check_window(f"{server.database}.{mapping.table}", engines[mapping.table])
        _check_columns(server, mapping)
    for table, engine in engines.items():
        if "AggregatingMergeTree" in engine or "SummingMergeTree" in engine:
            _check_window(f"{server.database}.{table}", engine)
    if all(_replicated(engines[mapping.table]) for mapping in mappings):
        return Repeat(server)
    try:
        return Inspect(server, rollups(server))
    except UnsafeRollupError as error:
        raise NotReadyError(str(error)) from error


def _replicated(engine: str) -> bool:
    """Part and token are one transaction in Keeper."""
    return engine.startswith(("Replicated", "Shared"))


def _check_settings(server: Server) -> None:
    """A profile may pin a setting: the server then ignores or changes what an insert says."""
    names = ", ".join(f"'{name}'" for name in INSERT_SETTINGS)
    rows = server.ask(f"SELECT name, value FROM system.settings WHERE name IN ({names})")  # noqa: S608 - our own constants
    found = {str(name): str(value) for name, value in rows}
    for name, wanted in INSERT_SETTINGS.items():
        if found.get(name) != wanted:
            raise NotReadyError(
                f"ClickHouse setting {name} is {found.get(name)}, inserts need {wanted}: "
                "take the constraint off the profile of this user, or, where it is None, use a "
                "server of version 26.8 or newer"
            )


def _engines(server: Server) -> dict[str, str]:
    rows = server.ask(
        "SELECT name, engine_full FROM system.tables WHERE database = {database:String}",
        database=server.database,
    )
    return {str(name): str(engine) for name, engine in rows}


def _check_window(table: str, engine: str) -> None:
    """Replicated tables count their window by another setting, which defaults to enough."""
    if _replicated(engine):
        return
    found = _WINDOW.search(engine)
    if found is None or int(found[1]) < WINDOW_BLOCKS:
        raise NotReadyError(
            f"{table}: non_replicated_deduplication_window is {found[1] if found else 0}, "
            f"the sink needs {WINDOW_BLOCKS}: without it a retry stores rows twice"
        )


def _check_columns(server: Server, mapping: Target) -> None:
    rows = server.ask(
        "SELECT name, type FROM system.columns "
        "WHERE database = {database:String} AND table = {table:String}",
        database=server.database,
        table=mapping.table,
    )
    found = {str(name): str(kind) for name, kind in rows}
    for name, kind in mapping.types.items():
        if found.get(name) != kind:
            raise NotReadyError(
                f"{server.database}.{mapping.table}: column {name} is {found.get(name)}, "
                f"the schema needs {kind}: {_MIGRATE}"
            )
