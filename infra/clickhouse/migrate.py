"""Numbered SQL migrations: what is applied, what is missing, and applying it in order."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from consumers.clickhouse.client import Native, native
from infra.clickhouse.cluster import ClusterRewriter
from infra.clickhouse.statements import StatementError
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

    Raises:
        MigrationError: The files and the database disagree, or a statement failed.
        UnreachableError: ClickHouse does not answer.
    """
    wanted = stored()
    database, ledger = _first_steps(settings)
    with native(settings, database="default") as client:
        client.execute(database)
    with native(settings) as client:
        client.execute(ledger)
        missing = plan(wanted, _applied(client, settings), where=settings.database)
        steps = steps_of(wanted, settings.cluster)
        for migration in missing:
            _run(client, migration, steps[migration.name])
        return missing


def steps_of(migrations: Sequence[Migration], cluster: str) -> dict[str, tuple[str, ...]]:
    """Statements to run by file name: as written, or as a cluster runs them.

    Args:
        migrations: All of them in order, since later ones speak of tables that earlier ones made.
        cluster: Name of the cluster; empty for one server.

    Raises:
        MigrationError: A statement has no form that can be rewritten.
    """
    if not cluster:
        return {migration.name: migration.statements for migration in migrations}
    rewriter, steps = ClusterRewriter(cluster), {}
    for migration in migrations:
        try:
            steps[migration.name] = tuple(
                step for statement in migration.statements for step in rewriter.rewrite(statement)
            )
        except StatementError as error:
            raise MigrationError(f"migration {migration.name}: {error}") from error
    return steps


def _first_steps(settings: ClickHouseSettings) -> tuple[str, str]:
    """What makes the database and the list of applied migrations, which all servers share."""
    database = f"CREATE DATABASE IF NOT EXISTS {_quoted(settings.database)}"
    if not settings.cluster:
        return database, _LEDGER
    on = f"ON CLUSTER {_quoted(settings.cluster)}"
    replicated = "ReplicatedMergeTree('/clickhouse/{database}/{table}', '{shard}-{replica}')"
    ledger = _LEDGER.replace("\n(", f" {on}\n(", 1).replace("= MergeTree", f"= {replicated}")
    return f"{database} {on}", ledger


def _run(client: Native, migration: Migration, steps: Sequence[str]) -> None:
    for statement in steps:
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
        raise MigrationError(f"clickhouse: name {name!r}: use letters, digits and underscores")
    return f"`{name}`"
