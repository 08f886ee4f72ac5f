"""Twenty million rows of the simulator: real records of real devices, then copies of them.

The devices of `tests/bench/fleet.py` drive and infer until they have told enough windows. Those
records are stored as the sink stores them, which gives the sizes. A copy then has other devices,
another time and its own release; latencies, histograms, pictures and distances stay as measured.
"""

import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Final

from consumers.clickhouse.client import native
from consumers.clickhouse.lanes import Closed
from consumers.clickhouse.leases import lease
from consumers.clickhouse.ledger import token
from consumers.clickhouse.preparation import Preparation
from consumers.clickhouse.ranges import Range
from consumers.clickhouse.server import Server
from infra.clickhouse.migrate import apply
from infra.kafka.message_columns import MessageColumns
from infra.kafka.messages import RawMessage
from infra.settings import ClickHouseSettings
from schemas.registry import FileRegistry
from schemas.topics import INFERENCE_EVENTS, TOPICS, TopicSpec
from tests.bench.fleet import Stage, build, play

DEVICES: Final = 1_000
BLOCK: Final = 20_000
TOPIC_ID: Final = "bench"
COPIES_AT_ONCE: Final = 8
"""Copies that drive at the same time: eight thousand devices."""
RELEASES: Final = 5
"""Releases that the copies are of, one after the other."""


class RecordingStage(Stage):
    """A stage of today that keeps what devices send, with the broker's stamp.

    Of today, since the tables' TTLs would take older rows at the first merge.
    """

    def __init__(self, log: Any) -> None:
        super().__init__(log)
        self.now_us = time.time_ns() // 1_000
        self.kept: dict[str, list[RawMessage]] = defaultdict(list)

    def publish(self, topic: TopicSpec, record: Any) -> None:
        """Keep it."""
        kept, value = self.kept[topic.name], self.encoded(topic, record)
        kept.append(RawMessage(topic.name, 0, len(kept), self.now_us, b"k", value, ()))


@dataclass(frozen=True, slots=True)
class Told:
    """What the devices told, by topic.

    Attributes:
        avro_bytes: Mean length of a record in bytes, framing included.
    """

    messages: dict[str, list[RawMessage]]
    avro_bytes: dict[str, float]


def drive(windows: int) -> Told:
    """Let devices drive until they have told so many reporting windows."""
    with tempfile.TemporaryDirectory() as folder:
        fleet, stage = build(DEVICES, folder, RecordingStage)
        assert isinstance(stage, RecordingStage)
        while len(stage.kept[INFERENCE_EVENTS.name]) < windows:
            play(fleet, stage, 10)
        sizes = {
            topic: sum(len(message.value or b"") for message in kept) / len(kept)
            for topic, kept in stage.kept.items()
        }
        return Told(dict(stage.kept), sizes)


def store(clickhouse: ClickHouseSettings, told: Told) -> None:
    """Make the tables and store what was told, as the sink does."""
    apply(clickhouse)
    server, preparation = Server(clickhouse), Preparation(FileRegistry(), TOPICS.values())
    for topic, messages in told.messages.items():
        mapping = preparation.mappings[topic]
        for first in range(0, len(messages), BLOCK):
            part = tuple(messages[first : first + BLOCK])
            whole = Range(part[0].offset, part[-1].offset)
            prepared = preparation.prepare(topic, 0, TOPIC_ID, Closed.of(MessageColumns.of(part)))
            mark = token(TOPIC_ID, 0, whole, mapping.table)
            deadline_s = lease(server).deadline_s
            server.insert(mapping, prepared.rows, token=mark, deadline_s=deadline_s)
    server.close()
    with native(clickhouse) as client:
        for topic in told.messages:
            client.execute(f"OPTIMIZE TABLE {TOPICS[topic].name.replace('-', '_')} FINAL")


def multiply(clickhouse: ClickHouseSettings, source: str, rows: int, *, at_once: int) -> int:
    """Copy the windows of another database until there are so many; the rows there are then.

    Args:
        clickhouse: Where to; its tables are made.
        source: Name of the database with what was told.
        rows: At least so many.
        at_once: Copies in one statement.
    """
    apply(clickhouse)
    with native(clickhouse) as client:
        ((told, first_s, last_s),) = client.execute(
            "SELECT count(), toUnixTimestamp(min(window_end)), toUnixTimestamp(max(window_end)) "  # noqa: S608 - our own database
            f"FROM {source}.inference_events"
        )
        copies = -(-rows // told)
        shift = Shift(told, last_s - first_s + 1, int(time.time()) - last_s, copies)
        names = [
            name
            for (name,) in client.execute(
                "SELECT name FROM system.columns WHERE database = {database:String} "
                "AND table = 'inference_events'",
                {"database": source},
            )
        ]
        for first in range(0, copies, at_once):
            count = min(at_once, copies - first)
            client.execute(
                f"INSERT INTO inference_events SELECT {', '.join(map(shift.column, names))} "  # noqa: S608 - our own columns
                f"FROM {source}.inference_events AS told "
                f"CROSS JOIN (SELECT number AS copy FROM numbers({first}, {count})) AS copies "
                "SETTINGS max_insert_threads = 2, async_insert = 0"
            )
    return int(told * copies)


@dataclass(frozen=True, slots=True)
class Shift:
    """How the columns of copy number `copy` differ from what was told.

    Attributes:
        told: Windows told.
        span_s: Seconds they span; each eight copies lie that much earlier than the eight before.
        age_s: Seconds by which the newest copies are later than what was told: they end now.
        copies: All there will be.
    """

    told: int
    span_s: int
    age_s: int
    copies: int

    def column(self, name: str) -> str:
        """Expression of a column."""
        match name:
            case "device_id" | "event_id":
                other = f"concat({name}, '-', toString(copy))"
            case "release_id":
                other = (
                    f"concat('release-', toString(intDiv(copy * {RELEASES}, {self.copies}) + 1))"
                )
            case "_partition":
                other = "toInt32(copy % 4)"
            case "_offset":
                other = f"_offset + intDiv(copy, 4) * {self.told}"
            case "window_start" | "window_end" | "_ingested_at":
                back_s = f"intDiv(copy, {COPIES_AT_ONCE}) * {self.span_s}"
                other = f"{name} + toIntervalSecond({self.age_s} - {back_s})"
            case _:
                other = f"told.`{name}`"
        return f"{other} AS `{name}`"
