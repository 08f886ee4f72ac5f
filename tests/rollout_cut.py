"""Cuts a trace from logs in memory, as the command does from Kafka and ClickHouse."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from schemas.facts import Fact
from schemas.signing import Keyring
from schemas.topics import MODEL_RELEASES
from streams.processor import Source
from streams.rollout.trace_cutting import BESIDE, DECIDED, Cut, trusted

Records = Mapping[Source, Sequence[tuple[int, Any]]]


def facts(records: Records, source: Source) -> list[Fact]:
    """One partition."""
    return [
        Fact(topic=source[0], partition=source[1], offset=at, stamp_us=stamp, record=record)
        for at, (stamp, record) in enumerate(records.get(source, ()))
    ]


def cut_of(records: Records, release_id: str, keyring: Keyring) -> Iterator[Fact]:
    """The facts of a release's trace."""
    cut = Cut.of(release_id, facts(records, (MODEL_RELEASES.name, 0)))
    for topic, partition in sorted(records):
        here = facts(records, (topic, partition))
        if topic in {spec.name for spec in DECIDED}:
            yield from trusted(here, keyring)
        elif topic in {spec.name for spec in BESIDE} and cut.reads(topic, partition):
            yield from cut.taken(topic, here)
