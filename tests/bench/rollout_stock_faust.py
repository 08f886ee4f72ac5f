"""The peer: an ordinary Faust agent with a Faust table that does the gate's stage one.

One record at a time, as Faust's documentation shows it: decode with fastavro, join into the row of
the device in a table with a changelog topic. Counts stand in a plain dict; no checkpoint, no
partials, no decisions, no validation of records. Arguments: brokers, acks to count.
"""

import io
import json
import os
import sys
import tempfile
import time
from collections import Counter
from typing import Any, Final

import fastavro
import faust

from schemas.records import AckState
from schemas.topics import OTA_ACKS
from schemas.versions import PACKAGED
from streams.rollout.outcomes import RANKS, Rank
from tests.bench.rollout_acks import FLEET
from tests.rollout_log import digest_of

BROKERS, TOTAL = sys.argv[1], int(sys.argv[2])
TIMEOUT_US: Final = 86_400_000_000
SCHEMA: Final = fastavro.parse_schema(
    json.loads((PACKAGED / OTA_ACKS.name / "1.avsc").read_text("utf-8"))
)
RELEASES: Final = {FLEET: digest_of(FLEET)}

app = faust.App(
    f"peer-{time.time():.0f}",
    broker=f"kafka://{BROKERS}",
    store="memory://",
    datadir=tempfile.mkdtemp(),
    web_enabled=False,
    topic_disable_leader=True,
    topic_partitions=OTA_ACKS.partitions,
    consumer_auto_offset_reset="earliest",
    worker_redirect_stdouts=False,
    broker_max_poll_records=20_000,
)
topic = app.topic(OTA_ACKS.name, value_type=bytes, value_serializer="raw")
attempts = app.Table("attempts", partitions=OTA_ACKS.partitions)
counts = Counter[tuple[str, str, int]]()
seen, began = 0, 0.0


def joined(row: list[int], ack: dict[str, Any], stamp_us: int) -> list[int]:
    """The row (attempt, rank, late, accepted_us) after an acknowledgement."""
    attempt, rank, late, accepted_us = row
    told = int(RANKS.get(AckState(ack["state"]), 0))
    if told == Rank.COMMITTED and ack["model_digest"] != RELEASES[ack["release_id"]]:
        told = int(Rank.TRIAL_BOOT)
    if not told or ack["attempt"] < attempt:
        return row
    if 0 < rank < Rank.COMMITTED and stamp_us > accepted_us + TIMEOUT_US:
        late = 1
    if ack["attempt"] > attempt:
        attempt, rank, accepted_us = ack["attempt"], 0, stamp_us
    return [attempt, max(rank, told), late, accepted_us]


@app.agent(topic)
async def fold(stream: Any) -> None:
    global seen, began  # noqa: PLW0603 - a program of one file
    async for event in stream.events():
        began = began or time.perf_counter()
        ack: Any = fastavro.schemaless_reader(io.BytesIO(event.value[5:]), SCHEMA, None)
        if ack["release_id"] in RELEASES:
            name = f"{ack['release_id']}/{ack['device_id']}"
            before = attempts.get(name, [0, 0, 0, 0])
            after = joined(before, ack, round(event.message.timestamp * 1e6))
            if after != before:
                attempts[name] = after
                counts[ack["release_id"], ack["hardware"], after[1]] += 1
                counts[ack["release_id"], ack["hardware"], before[1]] -= 1
        seen += 1
        if seen == TOTAL:
            rate = TOTAL / (time.perf_counter() - began)
            os.write(1, f"stock Faust agent with a table: {rate:.0f} records/s\n".encode())
            os._exit(0)  # as the other peers do: how it stops is not measured


if __name__ == "__main__":
    sys.argv = ["peer", "worker", "-l", "error", "--without-web"]
    app.main()
