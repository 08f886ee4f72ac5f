"""Releases that meet every decision of the gate, on real Kafka, while the gate is killed.

The judge reads the log when all is over.
"""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.keys import load_signer, make_keys
from infra.settings import KafkaSettings
from schemas.decisions import Rule
from schemas.records import ModelRelease
from schemas.records import ReleaseKind as K
from streams.rollout.policy import Policy, load_policy
from tests.crash.forked import Forked
from tests.crash.gate_cycle import ALL, EXPECTED, Cycle
from tests.crash.gate_fleet import FIRST, KafkaLogs, KafkaWorld
from tests.crash.gate_process import NEVER
from tests.rollout_replay import counted, unlike

PATIENCE_S: Final = 240.0
"""For a release undisturbed, and again for each kill: a slow machine is no failure."""
POLICY: Final = """
ceiling: 0.2
metrics: {updates: {}}
holdback: 0
waves: [0.5, 1.0]
minimum_devices: 25
shadow: {minimum_encounters: 8}
soak_s: 3
patience_s: 600
monitor_s: 3
commit_timeout_s: 600
rollback_settle_s: 0.5
rollback_deadline_s: 3
progress_s: 0.2
"""

AWAKE_S: Final = (0.5, 2.0)
NAP_S: Final = (1.0, 4.0)
"""How long a rival is awake and asleep: it must decide something, and so must the other."""

Kill = tuple[str, int]
"""A point, and at which passing of it."""


class Gates:
    """The gate's processes: one that dies at one point after another, and perhaps a rival."""

    def __init__(self, folder: Path, environment: Mapping[str, str], kills: Sequence[Kill]) -> None:
        self._folder, self._environment, self._kills = folder, environment, list(kills)
        self._started: list[Forked] = []
        self._victim: Forked | None = None
        self._rival: Forked | None = None
        self._awake, self._naps_at, self._chance = True, 0.0, random.Random(0)
        self.at, self.deaths = NEVER, list[str]()

    def keep(self) -> None:
        """Start the next one when the last has died of its point.

        Raises:
            AssertionError: It ended otherwise.
        """
        if self._victim is not None and self._victim.returncode is None:
            return
        if self._victim is not None:
            assert self._victim.returncode == -signal.SIGKILL, self.said()
            self.deaths.append(self.at)
        self.at, nth = self._kills.pop(0) if self._kills else (NEVER, 1)
        self._victim = self.start(self.at, nth)

    def start(self, point: str, nth: int = 1, name: str = "") -> Forked:
        """A gate that dies at a point."""
        words = ("tests.crash.gate_process", point, str(nth), name)
        log = self._folder / "gate.log"
        process = Forked(*words, environment=self._environment, log=log)
        self._started.append(process)
        return process

    def oppose(self, chance: random.Random) -> None:
        """A second gate that nobody kills; it naps, and wakes with what it knew before."""
        self._rival, self._chance = self.start(NEVER, name="rival"), chance

    def nap(self) -> None:
        """Have the rival, if there is one, fall asleep or wake when it is time for that."""
        if self._rival is None or time.monotonic() < self._naps_at:
            return
        self._awake = not self._awake
        self._rival.send_signal(signal.SIGCONT if self._awake else signal.SIGSTOP)
        self._naps_at = time.monotonic() + self._chance.uniform(
            *(AWAKE_S if self._awake else NAP_S)
        )

    @property
    def done(self) -> bool:
        """Whether every point has been died at."""
        return not self._kills and self.at == NEVER

    @property
    def left(self) -> int:
        """Kills to come."""
        return len(self._kills)

    def said(self) -> str:
        """The gates' last words."""
        return (self._folder / "gate.log").read_text()[-4_000:]

    def close(self) -> None:
        """End every process."""
        for process in self._started:
            process.end()


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What happened, and what was not as it must be; nothing broken: all was kept."""

    deaths: Sequence[str]
    cycles: int
    decisions: int
    voids: int
    broken: Sequence[str]


def play(
    kafka: KafkaSettings,
    folder: Path,
    kills: Sequence[Kill],
    *,
    rival: random.Random | None = None,
    through: KafkaSettings | None = None,
    session_s: float = 2.0,
) -> Played:
    """Play releases until every kill has happened and the last release has ended.

    Args:
        kafka: The broker.
        folder: For what the gate stores.
        kills: Where it dies, one after the other.
        rival: When a second gate, of another group, naps that decides about the same releases;
            None: there is no other.
        through: Where the gates find the broker; None: where all others do.
        session_s: How long a dead gate's partitions stay its own. A gate that gets no processor for
            so long is taken for dead, too: a busy machine wants more.
    """
    make_keys(folder / "keys")
    (folder / "policy.yaml").write_text(POLICY)
    with ExitStack() as stack:
        logs = KafkaLogs(kafka)
        stack.callback(logs.close)
        world = KafkaWorld(logs, folder / "keys")
        gates = Gates(folder, _environment(through or kafka, folder, session_s), kills)
        stack.callback(gates.close)
        if rival is not None:
            gates.oppose(rival)
        cycles = _story(world, gates)
        logs.read()
        return Played(
            deaths=gates.deaths,
            cycles=cycles,
            decisions=len(counted(logs.records, world.keyring)),
            voids=world.book.voids.total(),
            broken=list(_broken(world, cycles, load_policy(folder / "policy.yaml"), folder)),
        )


def _environment(kafka: KafkaSettings, folder: Path, session_s: float) -> dict[str, str]:
    return {
        **os.environ,
        "FLEETLOOP_KAFKA__BOOTSTRAP": kafka.bootstrap,
        "FLEETLOOP_KAFKA__SESSION_TIMEOUT_S": f"{session_s}",
        "FLEETLOOP_OBJECTS_URL": f"file://{folder}/objects",
        "FLEETLOOP_KEYS_DIR": str(folder / "keys"),
        "FLEETLOOP_POLICY_FILE": str(folder / "policy.yaml"),
        "FLEETLOOP_CHECKPOINT_INTERVAL_S": "0.5",
    }


def _story(world: KafkaWorld, gates: Gates) -> int:
    """One release after another; how many it took."""
    world.publish(FIRST, 1)
    cycle = Cycle(world, 1, FIRST)
    deadline = time.monotonic() + PATIENCE_S * (1 + gates.left)
    cycle.begin()
    while True:
        gates.keep()
        gates.nap()
        world.kafka.read()
        world.turn()
        if cycle.act():
            if gates.done:
                return cycle.number
            cycle = Cycle(world, cycle.number + 1, cycle.release_id)
            cycle.begin()
        assert time.monotonic() < deadline, (gates.at, cycle, gates.said())
        time.sleep(0.05)


def _broken(world: KafkaWorld, cycles: int, policy: Policy, folder: Path) -> Iterator[str]:
    """Every promise that was not kept, in words."""
    records, gate = world.logs.records, load_signer(folder / "keys", "gate")
    valid = counted(records, world.keyring)
    for number in range(1, cycles + 1):
        mine = [one for one in valid if one.release_id == f"r{number}" and one.evidence is not None]
        found = Counter((one.kind, name) for one in mine for name in _strata(one))
        if found != EXPECTED:
            yield f"r{number}: {dict(found - EXPECTED)} too many, {dict(EXPECTED - found)} missing"
        opened = [one for one in mine if one.kind is K.WAVE_OPENED]
        waves = Counter((name, one.wave) for one in opened for name in _strata(one))
        yield from (f"r{number}: opened twice: {wave}" for wave, n in waves.items() if n > 1)
    for record in valid:
        yield from unlike(records, record, policy, gate, world.keyring)
    wrong = {rule: n for rule, n in world.book.voids.items() if rule is not Rule.SEQUENCE}
    if wrong:
        yield f"void by more than a race: {wrong}"
    for device in world.devices:
        if device.hardware == "HW3" and device.running != FIRST:
            yield f"{device.device_id} runs {device.running} after its rollback"
        if device.hardware == "HW4" and device.running != f"r{cycles}":
            yield f"{device.device_id} runs {device.running}, not the completed r{cycles}"


def _strata(record: ModelRelease) -> Sequence[str]:
    """Of which strata a decision speaks."""
    return ALL if record.stratum is None else [record.stratum]
