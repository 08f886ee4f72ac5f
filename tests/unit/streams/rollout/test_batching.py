"""One order of acknowledgements leads to one story of decisions, however it is cut and repeated."""

import random
from typing import Any, Final

import pytest

from schemas.records import AckState, CommandKind, ModelRelease
from schemas.topics import MODEL_RELEASES, OTA_ACKS, ROLLOUT_COMMANDS
from streams.rollout.memory_logs import LogWorker, MemoryLogs
from streams.rollout.policy import Policy
from tests import factories
from tests.rollout_log import GATE, KEYRING, SECOND, START, command, digest_of, proposal

POLICY: Final = Policy(
    ceiling=0.1,
    waves=(0.5, 1.0),
    soak_s=2.0,
    soak_km=0.0,
    patience_s=3.0,
    commit_timeout_s=4.0,
    monitor_s=3.0,
)
TICKS: Final = 14

Tick = list[tuple[int, Any]]


class _World:
    """A worker with all partitions, and the decisions it took."""

    def __init__(self) -> None:
        self.logs = MemoryLogs(START)
        self.worker = LogWorker(self.logs, POLICY, signer=GATE, keyring=KEYRING)
        self.told: list[tuple[Any, ...]] = []
        self.logs.append(MODEL_RELEASES, proposal("r1", strata=("HW3", "HW4")))
        self.logs.append(ROLLOUT_COMMANDS, command("r1", CommandKind.APPROVE))

    def read(self, now_us: int) -> None:
        """Read what was written, as of a time, until nothing more is said."""
        self.logs.now = now_us
        while said := self.worker.run():
            for one in said:
                self.logs.append(one.topic, one.record, one.partition)
                if isinstance(one.record, ModelRelease):
                    self.told.append(_gist(one.record))


def _gist(record: ModelRelease) -> tuple[Any, ...]:
    found = record.evidence
    counts = (found.n, found.failures_low, found.failures_high, found.e_harm) if found else ()
    return (record.kind, record.stratum, record.wave, record.share, record.reason, *counts)


def fleet(chance: random.Random) -> list[Tick]:
    """What 80 devices say in each second; some fail, some fall silent, some try again."""
    ticks: list[Tick] = [[] for _ in range(TICKS)]
    bad = chance.choice([0.0, 0.05, 0.4])
    for number in range(80):
        at, attempt = chance.randrange(2, TICKS - 4), 1
        while at < TICKS:
            end = AckState.INSTALL_FAILED if chance.random() < bad else AckState.COMMITTED
            for state in (AckState.ACCEPTED, *([end] if chance.random() < 0.9 else [])):
                at += chance.randrange(2)
                if at < TICKS:
                    ticks[at].append((chance.randrange(SECOND), ack(number, attempt, state)))
            if chance.random() < 0.8:
                break
            at, attempt = at + 1, attempt + 1
    for tick in ticks:
        tick.sort(key=lambda told: told[0])
    return ticks


def ack(number: int, attempt: int, state: AckState) -> Any:
    return factories.ota_ack(
        device_id=f"d{number}",
        hardware=("HW3", "HW4")[number % 2],
        release_id="r1",
        attempt=attempt,
        state=state,
        model_digest=digest_of("r1"),
    )


def decisions(ticks: list[Tick], chance: random.Random | None) -> list[tuple[Any, ...]]:
    """What is decided; with `chance`: read in between at random, and told more than once."""
    world, told = _World(), list[Any]()
    for number, tick in enumerate(ticks):
        begin = START + number * SECOND
        for at, record in tick:
            told.append(record)
            world.logs.now = begin + at
            world.logs.append(OTA_ACKS, record)
            if chance is not None and chance.random() < 0.5:
                world.logs.append(OTA_ACKS, chance.choice(told))
            if chance is not None and chance.random() < 0.3:
                world.read(begin)  # nothing is due to be said
        world.read(begin + SECOND)
    return world.told


@pytest.mark.parametrize("seed", range(6))
def test_batches_and_copies_change_no_decision(seed: int) -> None:
    ticks = fleet(random.Random(seed))
    plain = decisions(ticks, None)
    assert plain[3:]
    assert decisions(ticks, random.Random(-seed - 1)) == plain
