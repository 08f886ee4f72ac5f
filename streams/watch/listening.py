"""The fold of one partition of inference-events: who was heard when, judged at every tick."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow.compute as pc

from schemas.durations import UNITS_US
from streams.hashing import Hashes, hashes
from streams.processor import LogBatch
from streams.watch.enrolling import EnrollingFold
from streams.watch.hearing import Hearing, Ints
from streams.watch.quality import Quality
from streams.watch.silence import Silence, judge
from streams.watch.watch_file import WatchPolicy

CANARY: Final = "canary"
FLEET: Final = "fleet"
FORGET_US: Final = 30 * UNITS_US["d"]
FORGET_TICKS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Tick:
    """What was found at one moment of ingest time, a multiple of the tick."""

    moment_us: int
    silences: tuple[Silence, ...]


class ListeningFold:
    """Signs of life of one partition, the canary's among them.

    Two logs tell who is silent: this one and the registry's of the same partition. A tick is
    judged when both were read past it, by what each held at that moment; signs of life stamped
    later wait. So it does not matter which log is read faster, or when a worker begins again.

    While nothing at all is heard, not even the canary, nobody is called silent: that is a stalled
    pipeline, and after an hour without a broker it is not each device that was gone.

    Args:
        policy: Silence is judged at multiples of its tick.

    Attributes:
        judged_us: The last tick that was judged; 0: none.
        heard: Last stamp, and number so far, of the canary's records and of the fleet's.
        last_offset: Last offset included.
    """

    def __init__(self, policy: WatchPolicy) -> None:
        self._tick_us = policy.tick
        self._unheard_us = policy.pipeline.unheard
        self._hearing = Hearing()
        self._waiting: list[tuple[Hashes, Ints]] = []
        self._since_us = self._high_us = self._heard_us = 0
        self.judged_us = 0
        self.last_offset = -1
        self.quality = Quality()
        self.heard = {CANARY: (0, 0), FLEET: (0, 0)}

    def apply(self, batch: LogBatch) -> None:
        """Take the next stretch of the partition."""
        self.quality.note(batch)
        rows = batch.rows
        if rows.num_rows:
            # A broker's clock that was set back must not make order of what has none.
            stamps = np.maximum.accumulate(np.maximum(batch.stamps_us, self._high_us))
            self._waiting.append((hashes(rows.column("device_id")), stamps))
            canary = pc.equal(rows.column("source"), CANARY).to_numpy(zero_copy_only=False)
            for who, mine in ((CANARY, stamps[canary]), (FLEET, stamps[~canary])):
                if len(mine):
                    self.heard[who] = (int(mine[-1]), self.heard[who][1] + len(mine))
            if not self._since_us:
                self._since_us = int(stamps[0])
                self.judged_us = self._since_us // self._tick_us * self._tick_us
        self._high_us = max(self._high_us, batch.high_stamp_us)
        self.last_offset = batch.last_offset

    def judge(self, enrolled: EnrollingFold, through_us: int) -> Iterator[Tick]:
        """Judge every tick past which both logs were read; nothing before the first record.

        At `through_us` itself a record may still follow: stamps are no finer than milliseconds.
        """
        while self._since_us and (moment := self.judged_us + self._tick_us) < through_us:
            self._hear_until(moment)
            found: tuple[Silence, ...] = ()
            if moment - self._heard_us <= self._unheard_us:
                expected, fleets = enrolled.registry.at(moment), len(enrolled.keys)
                found = tuple(judge(expected, fleets, self._hearing, moment, self._since_us))
            self.judged_us = moment
            yield Tick(moment, found)
            enrolled.registry.forget(moment)
            if moment // self._tick_us % FORGET_TICKS == 0:
                self._hearing.forget_before(moment - FORGET_US)

    def snapshot(self) -> bytes:
        """State as JSON."""
        state = {
            "hearing": self._hearing.state(),
            "waiting": [
                [base64.b64encode(part.tobytes()).decode() for part in parts]
                for parts in self._waiting
            ],
            "since_us": self._since_us,
            "high_us": self._high_us,
            "heard_us": self._heard_us,
            "judged_us": self.judged_us,
            "last_offset": self.last_offset,
            "quality": self.quality.state(),
            "heard": self.heard,
        }
        return json.dumps(state, separators=(",", ":")).encode()

    def restore(self, snapshot: bytes) -> None:
        """Take the state of `snapshot()`."""
        state = json.loads(snapshot)
        self._hearing.load(state["hearing"])
        self._waiting = [
            (
                np.frombuffer(base64.b64decode(device), np.uint64),
                np.frombuffer(base64.b64decode(stamps), np.int64),
            )
            for device, stamps in state["waiting"]
        ]
        self._since_us, self._high_us = state["since_us"], state["high_us"]
        self._heard_us = state["heard_us"]
        self.judged_us, self.last_offset = state["judged_us"], state["last_offset"]
        self.quality.load(state["quality"])
        self.heard = {who: (stamp, count) for who, (stamp, count) in state["heard"].items()}

    def _hear_until(self, moment_us: int) -> None:
        while self._waiting and self._waiting[0][1][0] <= moment_us:
            device, stamps = self._waiting.pop(0)
            until = int(np.searchsorted(stamps, moment_us, side="right"))
            self._hearing.note(device[:until], stamps[:until])
            self._heard_us = int(stamps[until - 1])
            if until < len(stamps):
                self._waiting.insert(0, (device[until:], stamps[until:]))
