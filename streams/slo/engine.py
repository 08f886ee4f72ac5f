"""The burn-rate engine of one SLO: cells in, transitions out, at every bucket's end in turn."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from schemas.records import AlertState, Severity, SloPartial
from streams.blobs import Blobs, Reading
from streams.slo.conditions import Conditions
from streams.slo.episodes import Episodes
from streams.slo.explaining import Explanation, explain
from streams.slo.ledger import Ledger
from streams.slo.objectives import Slo
from streams.slo.phases import NEVER, NOT_FOR_LONG, RECOVERED, WITHDRAWN, Episode, policy, reason
from streams.slo.telling import Teller
from streams.slo.transitions import Transition
from streams.withdrawals import Withdrawal

TIDY_EVERY_TICKS: Final = 64
SEVEREST_FIRST: Final = (Severity.PAGE, Severity.TICKET, Severity.INFO)


class Engine:
    """Decides for all keys of one SLO. Pure: time is the watermark that `advance` is given.

    Every tick between two watermarks is judged, so that the transitions do not depend on how
    often or how late time is told, nor on the order in which cells came before their tick.

    Attributes:
        complete_us: Windows that begin before this event time are partial.
        ingest_us: Ingest time up to which the sources were read.
    """

    def __init__(self, slo: Slo) -> None:
        self.slo = slo
        self.complete_us = 0
        self.ingest_us = 0
        self._ledger = Ledger(slo)
        self._conditions = Conditions(slo, self._ledger.windows)
        self._episodes = Episodes([policy(slo, severity) for severity in slo.severities])
        self._teller = Teller(slo, self._ledger, self._conditions)
        self._withdrawn: dict[Withdrawal, int] = {}
        self._tidied = 0
        self._order = sorted(
            range(len(slo.severities)), key=lambda at: SEVEREST_FIRST.index(slo.severities[at])
        )
        self._bits = [
            [at for at, tier in enumerate(slo.tiers) if tier.severity is severity]
            for severity in slo.severities
        ]

    @property
    def at_us(self) -> int:
        """Event time up to which everything is judged, UTC microseconds."""
        return (self._ledger.windows.tick or 0) * self.slo.bucket_us

    @property
    def late_events(self) -> int:
        """Events that came after their bucket was judged."""
        return self._ledger.late_events

    @property
    def too_old(self) -> int:
        """Events left out because their bucket is beyond the horizon."""
        return self._ledger.too_old

    def observe(self, record: SloPartial) -> None:
        """Take a cell; older versions of it and cells beyond the horizon change nothing."""
        self._withdraw_new(record.key)
        self._ledger.observe(record)

    def count(self, labels: Mapping[str, str], bucket_start_us: int, total: int, bad: int) -> None:
        """Add events that were counted once and for all to a bucket; `bad` of `total`."""
        self._withdraw_new(labels)
        row = self._ledger.row(labels)
        self._ledger.add(row, bucket_start_us // self.slo.bucket_us, total, bad)

    def advance(self, watermark_us: int, ingest_us: int) -> list[Transition]:
        """Judge every tick that the watermark has passed.

        Args:
            watermark_us: No earlier event time is expected, UTC microseconds.
            ingest_us: Ingest time up to which the sources were read.
        """
        # A window ends with its last microsecond included: it is complete once that is past.
        target = (watermark_us - 1) // self.slo.bucket_us
        self.ingest_us = max(self.ingest_us, ingest_us)
        found: list[Transition] = []
        self._make_room()
        while (tick := self._next(target)) is not None:
            self._ledger.windows.move(tick)
            found += self._judge(tick)
            if tick - self._tidied >= TIDY_EVERY_TICKS:
                self._tidy(tick)
        return found

    def withdraw(
        self, release: str, hardware: str | None, at_us: int, ingest_us: int
    ) -> list[Transition]:
        """Let nothing that a withdrawn release did before `at_us` count; None: any hardware."""
        if self._withdrawn.get((release, hardware), 0) >= at_us:
            return []
        self._withdrawn[release, hardware] = at_us
        self.ingest_us = max(self.ingest_us, ingest_us)
        found: list[Transition] = []
        for row, labels in self._ledger.keys:
            floor = self._floor(labels)
            if floor > self._ledger.floor[row]:
                found += self._cleared(row)
                self._ledger.forget_before(row, floor)
        return found

    def withdrawn_at(self, labels: Mapping[str, str]) -> int:
        """When the release of these labels was withdrawn from their hardware; 0: never."""
        release = labels.get("release_id")
        if release is None:
            return 0
        anywhere = self._withdrawn.get((release, None), 0)
        return max(anywhere, self._withdrawn.get((release, labels.get("hardware")), 0))

    def keys(self) -> Iterator[Mapping[str, str]]:
        """Every key that is known."""
        return (labels for _, labels in self._ledger.keys)

    def episodes(self) -> Iterator[tuple[Mapping[str, str], Severity, Episode]]:
        """Every alert that is open: key, severity, where it stands."""
        for place, row, episode in self._episodes:
            yield self._ledger.keys.labels(row), self.slo.severities[place], episode

    def open(self, labels: Mapping[str, str], severity: Severity) -> Episode | None:
        """The open alert of a key."""
        row = self._ledger.keys.find(labels)
        place = self.slo.severities.index(severity)
        return None if row is None else self._episodes.get(place, row)

    def watches(self, labels: Mapping[str, str], severity: Severity) -> bool:
        """Whether the SLO, as its file now is, alerts on such keys with this severity."""
        named = set(self.slo.group_by) <= labels.keys()
        return named and severity in self.slo.severities

    def knows(self, labels: Mapping[str, str]) -> bool:
        """Whether any count of a key is held."""
        return self._ledger.keys.find(labels) is not None

    def fresh(self, labels: Mapping[str, str], severity: Severity) -> bool:
        """Whether the shortest window of a severity holds an event: only then can a key recover."""
        row = self._ledger.keys.find(labels)
        shortest = min(tier.short_us for tier in self.slo.tiers_of(severity))
        return row is not None and self._ledger.windows.sum(shortest, row).total > 0

    def active(self, labels: Mapping[str, str]) -> tuple[bool, ...]:
        """Which tiers of a key are true, in order of the file; of an unknown key none is."""
        row = self._ledger.keys.find(labels)
        if row is None:
            return (False,) * len(self.slo.tiers)
        since = int(self._ledger.since[row])
        return tuple(self._conditions.holds(tier, row, since) for tier in self.slo.tiers)

    def explain(self, labels: Mapping[str, str]) -> Explanation:
        """Why the alerts of a key are as they are, and what would change them. Changes nothing.

        Raises:
            UnknownKeyError: No event of the key was counted; names it.
        """
        return explain(self.slo, self._ledger, self._conditions, labels, self.open)

    def transition(
        self, labels: Mapping[str, str], severity: Severity, state: AlertState, why: str
    ) -> Transition:
        """What there is to say of a key now.

        Raises:
            KeyError: The key is not known.
        """
        row = self._ledger.keys.find(labels)
        if row is None:
            raise KeyError(dict(labels))
        return self._told(row, severity, state, why, self.open(labels, severity))

    def state(self, blobs: Blobs) -> dict[str, Any]:
        """All of it as plain values."""
        return {
            "ingest_us": self.ingest_us,
            "complete_us": self.complete_us,
            "withdrawn": [[*name, at] for name, at in self._withdrawn.items()],
            "ledger": self._ledger.state(blobs),
            "episodes": self._episodes.state(),
        }

    def load(self, state: Mapping[str, Any], blobs: Reading) -> None:
        """Take the values of `state()`."""
        self.ingest_us = state["ingest_us"]
        self.complete_us = state["complete_us"]
        self._withdrawn = {(release, where): at for release, where, at in state["withdrawn"]}
        self._ledger.load(state["ledger"], blobs)
        self._episodes.load(state["episodes"], self._ledger.room)

    def _next(self, target: int) -> int | None:
        """The next tick at which anything can change, up to `target`; None: there is none."""
        windows = self._ledger.windows
        following = windows.next()
        if windows.tick is None:
            return None if following is None else min(target, following)
        if windows.tick >= target:
            return None
        due = self._episodes.due
        return min(
            target,
            target if following is None else following,
            target if due == NEVER else max(due, windows.tick + 1),
        )

    def _judge(self, tick: int) -> Iterator[Transition]:
        true = self._conditions.true(self._ledger.since)
        burning, fresh = self._conditions.by_severity(true), self._conditions.fresh()
        rows = self._episodes.changed(burning, fresh, tick)
        keys = self._ledger.keys
        for row in sorted(rows, key=lambda at: keys.key(keys.labels(at))):
            yield from self._turn(row, tick, true[:, row].tolist())

    def _turn(self, row: int, tick: int, true: list[bool]) -> Iterator[Transition]:
        """What becomes of the alerts of one key, the most severe first."""
        muted = False
        for place in self._order:
            severity = self.slo.severities[place]
            tiers = sum(1 << at for at in self._bits[place] if true[at])
            over = self._episodes.follow(place, row, tick, tiers)
            if over is not None:
                why = RECOVERED if over.fired else NOT_FOR_LONG
                yield self._told(row, severity, AlertState.RESOLVED, why, over)
            episode = self._episodes.get(place, row)
            if episode is None:
                continue
            state = episode.visible(muted=muted)
            if state is not episode.told:
                why, episode.told = reason(episode.told, state), state
                yield self._told(row, severity, state, why, episode)
            muted = muted or episode.fired

    def _cleared(self, row: int) -> Iterator[Transition]:
        for place in self._order:
            if self._episodes.get(place, row) is not None:
                over = self._episodes.end(place, row)
                severity = self.slo.severities[place]
                yield self._told(row, severity, AlertState.RESOLVED, WITHDRAWN, over)

    def _told(
        self, row: int, severity: Severity, state: AlertState, why: str, episode: Episode | None
    ) -> Transition:
        return self._teller.transition(
            row,
            severity,
            state,
            why,
            episode,
            ingest_us=self.ingest_us,
            complete_us=self.complete_us,
        )

    def _floor(self, labels: Mapping[str, str]) -> int:
        return -(-self.withdrawn_at(labels) // self.slo.bucket_us)

    def _withdraw_new(self, labels: Mapping[str, str]) -> None:
        if self._withdrawn and self._ledger.keys.find(labels) is None:
            self._ledger.forget_before(self._ledger.row(labels), self._floor(labels))

    def _make_room(self) -> None:
        if self._ledger.room > self._episodes.room:
            self._episodes.grow(self._ledger.room)

    def _tidy(self, tick: int) -> None:
        self._tidied = tick
        self._episodes.tidy(tick)
        for row in self._ledger.tidy(tick):
            if not self._episodes.has(row):
                self._episodes.forget(row)
                self._ledger.keys.release(row)
