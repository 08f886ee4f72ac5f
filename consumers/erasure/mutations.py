"""Rewriting parts of ClickHouse tables: begun for several tables at once, waited for together."""

import time
from collections.abc import Callable, Mapping
from typing import Final

from consumers.clickhouse.client import ClickHouseError, Native

_LOOK_EVERY_S: Final = 0.1

_OPEN: Final = """
SELECT table, command, latest_fail_reason FROM system.mutations
WHERE database = currentDatabase() AND NOT is_done ORDER BY table"""


class StoppedError(Exception):
    """The worker stops; whatever was begun is begun again by the next one."""


def rewrite(client: Native, commands: Mapping[str, str], stopping: Callable[[], bool]) -> None:
    """ALTER TABLE for each table, until every part has been rewritten and takes part in queries.

    Not by `mutations_sync`: a long table would outlast the connection. Parts as they were before
    leave the disk after `old_parts_lifetime` (ClickHouse's default: 8 minutes).

    Args:
        client: Connection to the database.
        commands: DELETE or UPDATE command by table.
        stopping: Whether to wait no longer.

    Raises:
        ClickHouseError: A command is refused, or fails for good on a part; the message says why.
        StoppedError: As `stopping` says.
    """
    for table, command in commands.items():
        client.execute(f"ALTER TABLE {table} {command}")
    while left := [row for row in client.execute(_OPEN) if row[0] in commands]:
        for table, command, reason in left:
            if reason:
                raise ClickHouseError(f"{table}: {command} does not end: {reason}")
        if stopping():
            raise StoppedError
        time.sleep(_LOOK_EVERY_S)
