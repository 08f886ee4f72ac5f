"""How long an insert may still arrive, by ClickHouse's own clock, and what its tables remember."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from consumers.clickhouse.ledger import LedgerError, Pending
from consumers.clickhouse.server import Server

LEASE_S: Final = 60
# Blocks a table's deduplication window holds at least; the migrations set it, `start` checks it.
WINDOW_BLOCKS: Final = 10_000

_NOW: Final = "SELECT toUnixTimestamp(now())"
_BLOCKS: Final = (
    "SELECT table, max(max_block_number) FROM system.parts "
    "WHERE database = {database:String} GROUP BY table"
)


@dataclass(frozen=True, slots=True)
class Lease:
    """Until when inserts written into the ledger under it may arrive.

    Attributes:
        deadline_s: Unix seconds of the server's clock.
        blocks: Newest block number by table.
    """

    deadline_s: int
    blocks: Mapping[str, int]

    def block(self, table: str) -> int:
        """Newest block of a table; 0 for an empty one."""
        return self.blocks.get(table, 0)


def lease(server: Server) -> Lease:
    """A lease from now on; used later it only ends sooner.

    Raises:
        ServerError: ClickHouse does not answer.
    """
    ((now,),) = server.ask(_NOW)
    blocks = server.ask(_BLOCKS, database=server.database)
    return Lease(int(now) + LEASE_S, {str(table): int(block) for table, block in blocks})


def in_window(pending: Pending, newest_block: int) -> bool:
    """Whether the table surely still knows the token of a pending range.

    A token is kept while fewer than `WINDOW_BLOCKS` blocks were written after it. Blocks that
    are numbered lower than before mean that the table was emptied.
    """
    return 0 <= newest_block - pending.block < WINDOW_BLOCKS // 2


def check_replay(
    server: Server, table: str, topic_id: str, partition: int, pending: Pending
) -> None:
    """For a range outside the window: none of its rows may be stored.

    Raises:
        LedgerError: Some are, and no token would keep them from being stored twice.
        ServerError: ClickHouse does not answer.
    """
    ((stored,),) = server.ask(
        f"SELECT count() FROM {table} WHERE _topic_id = {{topic:String}} "  # noqa: S608 - table names come from our topics
        "AND _partition = {partition:Int32} AND _offset BETWEEN {first:Int64} AND {last:Int64}",
        topic=topic_id,
        partition=partition,
        first=pending.range.first,
        last=pending.range.last,
    )
    if int(stored):
        raise LedgerError(
            f"table {table}, partition {partition}: range {pending.range} was begun more than "
            f"{WINDOW_BLOCKS // 2} blocks ago and {stored} of its {pending.records} rows are "
            f"stored; the deduplication window no longer protects it. Delete the rows of this "
            "range and of its rollups, then start the sink again"
        )
