"""A gate alone on a desk: the log is a list, and the counts are written by hand."""

from typing import Any

from schemas.catalogue import load_catalogue
from schemas.facts import Fact
from schemas.records import CommandKind, ModelRelease, PartialKind, RolloutCommand
from schemas.records import ReleaseKind as K
from schemas.topics import DEVICES, INFERENCE_EVENTS, MODEL_RELEASES, OTA_ACKS, ROLLOUT_COMMANDS
from streams.rollout.gate import Gate
from streams.rollout.ledger import Ledger
from streams.rollout.policy import Policy
from streams.rollout.rules import MetricRules, ShareRule
from streams.rollout.standing import ReleaseStanding
from streams.rollout.tally import SOURCES, Tally
from tests import factories
from tests.rollout_log import GATE, KEYRING, SECOND, START, command, follow, proposal

POLICY = Policy(
    ceiling=0.1,
    metrics=MetricRules(latency=ShareRule()),
    holdback=0.0,
    waves=(0.1, 0.5, 1.0),
    exposure_budget=0.6,
    minimum_devices=5,
    soak_s=10,
    patience_s=20,
    monitor_s=30,
    rollback_settle_s=2,
    rollback_deadline_s=60,
)
GENERATIONS = tuple(spec.name for spec in (*SOURCES, DEVICES))
_SOURCE = (OTA_ACKS.name, 0)


class Desk:
    """One or more gates over one log; a second of ingest time passes with each record."""

    def __init__(self, policy: Policy = POLICY, gates: int = 1) -> None:
        self.policy = policy
        self.log: list[Fact] = []
        self.orders = 0
        self.now = START
        self.ledgers = [Ledger(KEYRING, policy.monitor_s) for _ in range(gates)]
        self.tally = Tally(policy, [_SOURCE], dict.fromkeys(GENERATIONS, "g"))
        self.partials = 0
        hardware = load_catalogue().hardware
        self.gates = [
            Gate(policy=policy, signer=GATE, hardware=hardware, ledger=ledger, tally=self.tally)
            for ledger in self.ledgers
        ]

    @property
    def book(self) -> Any:
        """What the log amounts to."""
        return self.ledgers[0].book

    def wait(self, seconds: float) -> None:
        """Every source partition is read that much further."""
        self.now += round(seconds * SECOND)
        self._include(kind=PartialKind.PROGRESS, release_id="")

    def count(self, stratum: str, *, topic: str = OTA_ACKS.name, **counts: Any) -> None:
        """Stage one hands on a cell of r2, or of the release named."""
        self._include(source_topic=topic, stratum=stratum, **counts)

    def judged(self, stratum: str, good: int) -> None:
        """So many devices were updated and judged by latency, all of them good."""
        self.count(stratum, accepted=good, committed=good)
        self.count(stratum, topic=INFERENCE_EVENTS.name, accepted=good, committed=good)

    def write(self, record: ModelRelease) -> None:
        """A record of model-releases, read by every gate."""
        offset = sum(fact.topic == MODEL_RELEASES.name for fact in self.log)
        self._fact(MODEL_RELEASES.name, offset, record)

    def propose(self, release_id: str = "r2", **changes: Any) -> None:
        """A proposal; r2 follows r1, which everybody runs."""
        self.write(proposal(release_id, **changes))

    def order(self, kind: CommandKind, release_id: str = "r2", **changes: Any) -> RolloutCommand:
        """An operator's command."""
        record = command(release_id, kind, at=self.now, **changes)
        self._fact(ROLLOUT_COMMANDS.name, self.orders, record)
        self.orders += 1
        return record

    def turn(self) -> list[str]:
        """The first gate decides until it has nothing more to say; what it said."""
        said = []
        while due := self.gates[0].advance():
            for record in due:
                said.append(f"{record.kind} {record.stratum or 'all'}")
                self.write(record)
        return said

    def started(self, release_id: str = "r2", **changes: Any) -> None:
        """Bring a release to its first wave, and start the clock."""
        self.propose(release_id, **changes)
        self.order(CommandKind.APPROVE, release_id)
        self.wait(1)
        assert "WAVE_OPENED all" in self.turn()

    def status(self, stratum: str, release_id: str = "r2") -> str:
        """Where the release stands."""
        return str(self.book.releases[release_id].strata[stratum].status)

    def standing(self, release_id: str = "r2") -> ReleaseStanding:
        """Where the release stands, with its evidence."""
        view = self.book.releases[release_id]
        return ReleaseStanding(
            view=view,
            parent=self.book.parent(view),
            tally=self.tally,
            policy=self.policy,
            now_us=self.tally.heard_us,
        )

    def _fact(self, topic: str, offset: int, record: Any) -> None:
        self.now += SECOND
        fact = Fact(topic=topic, partition=0, offset=offset, stamp_us=self.now, record=record)
        self.log.append(fact)
        for ledger in self.ledgers:
            ledger.observe([fact])

    def _include(self, **fields: Any) -> None:
        self.partials += 1
        plain: dict[str, Any] = {
            "kind": PartialKind.CELL,
            "generation": "g",
            "source_topic": _SOURCE[0],
            "source_partition": 0,
            "release_id": "r2",
            "stratum": "",
            "last_offset": self.partials,
            "ingest_ts": self.now,
            **dict.fromkeys(("accepted", "committed", "failed", "silent", "rolled_back"), 0),
            "critical": 0,
            "window_start": None,
        }
        self.tally.include(factories.rollout_partial(**{**plain, **fields}), self.partials - 1)


def everybody_on_r1(policy: Policy = POLICY) -> Desk:
    """A desk on which a release r1 is completed."""
    made = Desk(policy)
    made.propose("r1")
    first = made.book.releases["r1"].proposal
    kinds = (K.VERIFIED, K.APPROVED, K.WAVE_OPENED, K.COMPLETED)
    for seq, kind in enumerate(kinds, 1):
        made.write(follow(first, kind, seq, wave=0, share=1.0))
    return made


def start(desk: Desk) -> None:
    """Open the release after r1."""
    desk.started(counter=2, parent_release_id="r1")
