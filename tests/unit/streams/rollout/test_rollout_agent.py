"""The processor of the gate: which state is bound to what."""

import pytest

from schemas.facts import Fact
from schemas.topics import (
    DISENGAGEMENTS,
    INFERENCE_EVENTS,
    MODEL_RELEASES,
    OTA_ACKS,
    ROLLOUT_PARTIALS,
)
from streams.processor import Position, Standing
from streams.rollout.ledger import EvidenceLostError, Ledger
from streams.rollout.memory_logs import MemoryLogs
from tests.rollout_log import KEYRING, START, Log
from tests.rollout_world import DEMO_POLICY, Worker


def decided(log: Log) -> list[Fact]:
    """The log of decisions as a worker reads it."""
    return [
        Fact(topic=MODEL_RELEASES.name, partition=0, offset=at, stamp_us=stamp, record=record)
        for at, (record, stamp) in enumerate(log.records)
    ]


def tally_generation(ota_acks_id: str) -> str:
    processor = Worker(MemoryLogs(START), DEMO_POLICY).processor
    processor.generation(OTA_ACKS, ota_acks_id)
    processor.generation(INFERENCE_EVENTS, "events")
    processor.generation(DISENGAGEMENTS, "disengagements")
    return processor.generation(ROLLOUT_PARTIALS, "partials")


def test_a_tally_is_made_again_for_another_count_of_a_source() -> None:
    """The trace of a new version: a tally of the old one passed over the new one's first cells."""
    assert tally_generation("acks") == tally_generation("acks")
    assert tally_generation("acks") != tally_generation("other acks")


@pytest.mark.parametrize(("topic", "partition"), [("ota-acks", 3), ("rollout-partials", 0)])
def test_a_gate_that_lost_what_an_open_release_is_judged_by_refuses(
    topic: str, partition: int
) -> None:
    log = Log()
    log.opened("r1", 0.1)
    ledger = Ledger(KEYRING)
    ledger.observe(decided(log))
    proposed_us = ledger.book.releases["r1"].proposed_us
    ledger.refuse_older((topic, partition), proposed_us)
    with pytest.raises(EvidenceLostError, match=rf"r1 is OPEN.*{topic} partition {partition}"):
        ledger.refuse_older((topic, partition), proposed_us + 1)


def test_a_finished_release_may_be_older_than_the_log() -> None:
    log = Log()
    log.completed("r1")
    ledger = Ledger(KEYRING)
    ledger.observe(decided(log))
    ledger.refuse_older(("ota-acks", 0), log.records[-1][1] + 1)


def test_the_processor_asks_before_it_counts() -> None:
    log = Log()
    log.opened("r1", 0.1)
    processor = Worker(MemoryLogs(START), DEMO_POLICY).processor
    processor.observe(decided(log))
    blind = Position(
        topic_id="t",
        generation="g",
        applied_through=9,
        end_offset=10,
        asked_us=1,
        high_stamp_us=1,
        blind_before_us=log.records[-1][1] + 1,
    )
    with pytest.raises(EvidenceLostError, match="ota-acks partition 2"):
        processor.emit(Standing(now_us=1, partitions={("ota-acks", 2): blind}))
