"""How many rows each topic has in ClickHouse, counted as stored: no FINAL hides a double."""

from dataclasses import dataclass

from consumers.clickhouse.client import native
from consumers.clickhouse.layout import table_name
from infra.settings import ClickHouseSettings
from schemas.topics import TOPICS


@dataclass(frozen=True, slots=True)
class Count:
    """One topic's table.

    Attributes:
        rows: Rows stored.
        events: Different event ids.
        places: Different (topic id, partition, offset).
    """

    rows: int
    events: int
    places: int


def census(clickhouse: ClickHouseSettings) -> dict[str, Count]:
    """Count every topic's table.

    Raises:
        UnreachableError: ClickHouse does not answer.
        ClickHouseError: A table is missing.
    """
    with native(clickhouse) as client:
        found = {}
        for topic in TOPICS:
            ((rows, events, places),) = client.execute(
                "SELECT count(), uniqExact(event_id), uniqExact(_topic_id, _partition, _offset) "  # noqa: S608 - table names come from our topics
                f"FROM {table_name(topic)}"
            )
            found[topic] = Count(int(rows), int(events), int(places))
        return found
