"""Whether the tables hold rows of the topics as they are now, or of others of the same name."""

from collections.abc import Collection, Mapping

from consumers.clickhouse.layout import table_name
from consumers.clickhouse.ledger import LedgerError
from consumers.clickhouse.server import Server


def check_logs(server: Server, topic_ids: Mapping[str, str], *, adopt: bool) -> None:
    """Refuse a topic that was made again under the name of one whose rows are stored.

    Kafka forgets a group's positions, and the ledger in them, together with a topic: then only the
    tables tell. Once a row of the new one is stored nothing more is asked.

    Raises:
        LedgerError: The topic is another one, and `adopt` is off.
        ServerError: ClickHouse does not answer.
    """
    if adopt:
        return
    for topic, topic_id in topic_ids.items():
        stored = _stored_ids(server, table_name(topic))
        if stored and topic_id not in stored:
            raise LedgerError(
                f"table {table_name(topic)} holds rows of topic id {', '.join(sorted(stored))}, "
                f"the id of {topic} is {topic_id}: it was deleted and made again. To store it "
                "beside them set FLEETLOOP_ADOPT_NEW_TOPIC=true"
            )


def _stored_ids(server: Server, table: str) -> Collection[str]:
    """Large tables answer from their projection."""
    rows = server.ask(f"SELECT _topic_id, count() FROM {table} GROUP BY _topic_id")  # noqa: S608 - our own name
    return {str(topic_id) for topic_id, _ in rows}
