"""Which columns the newest schemas have and no migration makes, and the ALTER that would; pure."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from consumers.clickhouse.layout import Column, columns, table_name
from infra.clickhouse.ddl import column_line
from infra.clickhouse.statements import Statement
from schemas.registry import FileRegistry
from schemas.versions import StoredSchema


@dataclass(frozen=True, slots=True)
class Unwritten:
    """A statement that a new migration must hold before the sink can store a schema's records."""

    topic: str
    version: int
    statement: str


def unwritten(registry: FileRegistry, statements: Iterable[str]) -> tuple[Unwritten, ...]:
    """What is missing of the newest schemas.

    Args:
        registry: The schema files.
        statements: Those of all migrations, in order.
    """
    made = made_columns(statements)
    newest = [registry.versions(topic)[-1] for topic in registry.topics()]
    return tuple(
        Unwritten(stored.topic, stored.version, change)
        for stored in newest
        for change in _additions(stored, made.get(table_name(stored.topic), set()))
    )


def made_columns(statements: Iterable[str]) -> dict[str, set[str]]:
    """Columns by table, as the statements make and add them."""
    made: dict[str, set[str]] = {}
    for statement in map(Statement.parse, statements):
        if statement.starts("CREATE TABLE"):
            made[statement.name()[1]] = statement.columns()
        elif statement.starts("ALTER TABLE") and statement.name()[1] in made:
            made[statement.name()[1]] |= statement.names_behind("ADD COLUMN IF NOT EXISTS")
    return made


def _additions(stored: StoredSchema, known: set[str]) -> Iterator[str]:
    """One ALTER for each new column, at its place; a table that is not made at all has none."""
    before = ""
    for column in columns(stored.text):
        if known and column.name not in known:
            place = f"AFTER `{before}`" if before else "FIRST"
            line = column_line(column, default=_default(stored.text, column))
            yield f"ALTER TABLE {table_name(stored.topic)} ADD COLUMN IF NOT EXISTS {line} {place};"
        before = column.name


def _default(schema: str, column: Column) -> str:
    """What stored rows and old writers' records have: the field's default, where it is not zero."""
    node: Any = json.loads(schema)
    default: Any = None
    for name in column.path:
        branches = node if isinstance(node, list) else [node]
        record = next(each for each in branches if isinstance(each, dict))
        field = next(each for each in record["fields"] if each["name"] == name)
        node, default = field["type"], field.get("default")
    if isinstance(default, str) and default:
        escaped = default.replace("\\", "\\\\").replace("'", "\\'")
        return f"'{escaped}'"
    if isinstance(default, (bool, int, float)) and default:
        return str(default).lower()
    return ""
