"""Numbered SQL migrations: what is applied, what is missing, and applying it in order."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from consumers.clickhouse.client import Native, native
from infra.settings import ClickHouseSettings

_NAME: Final = re.compile(r"(?P<number>\d{4})_(?P<title>[a-z0-9_]+)\.sql")

_LEDGER: Final = """\
CREATE TABLE IF NOT EXISTS schema_migrations
(
    `number` UInt32 COMMENT 'Number in the file name.',
    `name` String COMMENT 'File name.',
    `checksum` String COMMENT 'SHA-256 of the file, hex.',
    `applied_at` DateTime64(6, 'UTC') DEFAULT now64(6) COMMENT 'When it was applied, UTC.'
)
ENGINE = MergeTree
ORDER BY number"""


class MigrationError(RuntimeError):
    """The files and the database disagree, or a statement failed; the message names the file."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its number, name and text."""

    number: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def statements(self) -> tuple[str, ...]:
        """Statements, each ended by a semicolon at a line's end."""
        bare = "\n".join(line for line in self.text.splitlines() if not line.startswith("--"))
        return tuple(part.strip() for part in re.split(r";\s*(?:\n|$)", bare) if part.strip())


def stored() -> tuple[Migration, ...]:
    """The migrations of this package in order.

    Raises:
        MigrationError: A file has no number, or numbers are not 1, 2, 3 and so on.
    """
    folder = files("infra.clickhouse") / "migrations"
    found = {item.name: item.read_text() for item in folder.iterdir() if item.name.endswith(".sql")}
    return numbered(found)


def numbered(texts: Mapping[str, str]) -> tuple[Migration, ...]:
    """Migrations from file texts by name, in order of their numbers."""
    migrations: list[Migration] = []
    for name in sorted(texts):
        match = _NAME.fullmatch(name)
        if match is None:
            raise MigrationError(f"migration {name}: name it like 0007_what_it_does.sql")
        migrations.append(Migration(int(match["number"]), name, texts[name]))
    for expected, migration in enumerate(migrations, start=1):
        if migration.number != expected:
            raise MigrationError(f"migration {migration.name}: number {expected:04d} is next")
    return tuple(migrations)


def plan(
    wanted: Sequence[Migration], applied: Mapping[str, str], *, where: str
) -> tuple[Migration, ...]:
    """What is still to apply.

    Args:
        wanted: The migrations of this version.
        applied: Checksum by file name, as the database remembers them.
        where: Name of that database, for messages.

    Raises:
        MigrationError: An applied file was changed or is gone here.
    """
    known = {migration.name: migration for migration in wanted}
    for name, checksum in sorted(applied.items()):
        if name not in known:
            raise MigrationError(
                f"migration {name} was applied to {where} and is not in this version: "
                "run the newer version, or use a database of its own"
            )
        if known[name].checksum != checksum:
            raise MigrationError(
                f"migration {name} was changed after it was applied to {where} "
                f"(checksum {checksum[:12]}, now {known[name].checksum[:12]}): "
                "put the file back and write a new migration"
            )
    return tuple(migration for migration in wanted if migration.name not in applied)


def pending(settings: ClickHouseSettings) -> tuple[Migration, ...]:
    """What `apply` would do; changes nothing."""
    with native(settings, database="default") as client:
        return plan(stored(), _applied(client, settings), where=settings.database)


def apply(settings: ClickHouseSettings) -> tuple[Migration, ...]:
    """Make the database and bring it to the newest migration; applied ones are left alone.

    Statements are idempotent (IF NOT EXISTS), so one that died half-way is applied again whole.
    """
    with native(settings, database="default") as client:
        client.execute(f"CREATE DATABASE IF NOT EXISTS {_quoted(settings.database)}")
    with native(settings) as client:
        client.execute(_LEDGER)
        missing = plan(stored(), _applied(client, settings), where=settings.database)
        for migration in missing:
            _run(client, migration)
        return missing


def _run(client: Native, migration: Migration) -> None:
    for statement in migration.statements:
        try:
            client.execute(statement)
        except RuntimeError as error:
            head = statement.splitlines()[0]
            raise MigrationError(f"migration {migration.name}, {head}: {error}") from error
    client.insert(
        "INSERT INTO schema_migrations (number, name, checksum) VALUES",
        [(migration.number, migration.name, migration.checksum)],
    )


def _applied(client: Native, settings: ClickHouseSettings) -> dict[str, str]:
    place = {"database": settings.database}
    known = client.execute(
        "SELECT count() FROM system.tables "
        "WHERE database = {database:String} AND name = 'schema_migrations'",
        place,
    )
    if known == [(0,)]:
        return {}
    ledger = f"{_quoted(settings.database)}.schema_migrations"
    rows = client.execute(f"SELECT name, any(checksum) FROM {ledger} GROUP BY name")  # noqa: S608 - the name is checked letter by letter
    return {str(name): str(checksum) for name, checksum in rows}


def _quoted(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise MigrationError(f"clickhouse.database={name!r}: use letters, digits and underscores")
    return f"`{name}`"
