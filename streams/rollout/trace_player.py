"""Plays a trace through the gate: its own folds, its own decisions, a clock made of the lines."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from schemas.records import ModelRelease, RolloutCommand
from schemas.signing import Keyring, Role
from schemas.topics import DEAD_LETTERS
from streams.processor import Source
from streams.rollout.made_keys import made_signer
from streams.rollout.memory_logs import LogWorker, MemoryLogs
from streams.rollout.policy import Policy
from streams.rollout.trace import Line, Refusal

GATE: Final = "gate"
TRAINER: Final = "trainer"
MAX_TURNS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision of the gate that counts, and the broker's stamp it would have had."""

    record: ModelRelease
    at_us: int


@dataclass(frozen=True, slots=True)
class Played:
    """What became of a trace."""

    decisions: tuple[Decided, ...]
    refusals: tuple[Refusal, ...]


def play(trace: Iterable[Line | Refusal], policy: Policy) -> Played:
    """Play a trace to its last line.

    Who wrote a record is taken from its `signer`, or `by` of a command: the trace's own signatures
    are not asked for, everybody in it is given a key.
    """
    told = list(trace)
    player = _Player(told, policy)
    for at_us, group in groupby(told, key=player.tick_of):
        player.take(at_us, list(group))
    refused = [*(one for one in told if isinstance(one, Refusal)), *player.refusals()]
    return Played(tuple(player.decided), tuple(sorted(refused, key=lambda refusal: refusal.number)))


class _Player:
    """Lines of one tick are read together, as the worker reads a batch."""

    def __init__(self, lines: Sequence[Line | Refusal], policy: Policy) -> None:
        self._policy = policy
        self._tick_us = max(1, round(policy.progress_s * 1e6))
        self._signers = {name: made_signer(name) for name in (GATE, TRAINER, *_operators(lines))}
        self._logs = MemoryLogs(lines[0].at_us if lines else 0)
        keys = {name: key.public(_role(name)) for name, key in self._signers.items()}
        self._worker = LogWorker(
            self._logs, policy, signer=self._signers[GATE], keyring=Keyring(keys)
        )
        self._numbers: dict[tuple[Source, int], Line] = {}
        self.decided: list[Decided] = []

    def tick_of(self, line: Line | Refusal) -> int:
        """End of the tick in which a line is read."""
        return -(-line.at_us // self._tick_us) * self._tick_us

    def take(self, at_us: int, lines: Sequence[Line | Refusal]) -> None:
        """Let what falls due before it happen, then read the lines of the tick that ends then.

        A refused line is no record, but the log was read past it: time goes on.
        """
        while (due_us := self._next_due()) is not None and due_us < lines[0].at_us:
            self._turn(due_us)
        for line in lines:
            if isinstance(line, Refusal):
                continue
            self._logs.now = line.at_us
            source = self._logs.append(line.topic, self._signed(line.record))
            self._numbers[source, len(self._logs.records[source]) - 1] = line
        self._turn(at_us)

    def refusals(self) -> Iterator[Refusal]:
        """Lines that were refused for their meaning."""
        for letter in self._logs.of(DEAD_LETTERS):
            line = self._numbers[(letter.topic, letter.partition), letter.offset]
            reason = f"{letter.field}: {letter.reason}"
            yield Refusal(line.number, line.at_us, letter.topic, reason)

    def _turn(self, now_us: int) -> None:
        """Count, decide and read back until nothing more is said."""
        self._logs.now = now_us
        for _ in range(MAX_TURNS):
            before = self._worker.book.last_offset
            said = self._worker.run()
            for outgoing in said:
                self._logs.append(outgoing.topic, outgoing.record, outgoing.partition)
                if isinstance(outgoing.record, ModelRelease):
                    self.decided.append(Decided(outgoing.record, now_us))
            if not said and self._worker.book.last_offset == before:
                return
        raise RuntimeError(f"the gate did not come to rest at {now_us} in {MAX_TURNS} turns")

    def _next_due(self) -> int | None:
        """The next moment after now at which time alone may move the gate."""
        policy, now = self._policy, self._logs.now + self._tick_us
        waits = (
            policy.soak_s,
            policy.soak_s + policy.patience_s,
            policy.last_soak_s,
            policy.last_soak_s + policy.patience_s,
            policy.rollback_settle_s,
            policy.rollback_deadline_s,
        )
        due = [
            begin_us + round(wait * 1e6)
            for view in self._worker.book.releases.values()
            for stratum in view.strata.values()
            for begin_us in {stratum.since_us, stratum.delivered_us}
            for wait in waits
        ]
        if (silent_us := self._worker.silent_from_us) is not None:
            due.append(silent_us + 1)
        # A moment within the tick after now is looked at when the tick is over.
        later = [max(at, now) for at in due if at > self._logs.now]
        return min(later, default=None)

    def _signed(self, record: object) -> object:
        if isinstance(record, ModelRelease):
            return self._signers[TRAINER].sign(record)
        if isinstance(record, RolloutCommand):
            return self._signers[_operator(record)].sign(record)
        return record


def _operators(lines: Iterable[Line | Refusal]) -> set[str]:
    records = (line.record for line in lines if isinstance(line, Line))
    return {_operator(record) for record in records if isinstance(record, RolloutCommand)}


def _operator(command: RolloutCommand) -> str:
    return f"operator {command.signer or command.by}"


def _role(name: str) -> Role:
    return {GATE: Role.GATE, TRAINER: Role.TRAINER}.get(name, Role.OPERATOR)
