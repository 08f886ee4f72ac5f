"""From transitions to records on `alerts`: compare-and-set on the log, one step at a time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from schemas import alert_log
from schemas.alert_log import AlertBook
from schemas.records import Alert, AlertKind, AlertState, Severity
from streams.alert_writer import AlertWriter
from streams.slo import wording
from streams.slo.burning import BurnFold
from streams.slo.engine import Engine
from streams.slo.objectives import Slo
from streams.slo.phases import RECOVERED, UNWATCHED, WITHDRAWN, reason
from streams.slo.transitions import Transition

COMPARE_EVERY_US: Final = 1_000_000
MAX_NAMES: Final = 100_000


class Announcer:
    """Says on the log what the engines found. Its own state moves only by what it reads back.

    Args:
        slos: The SLO file.
        book: What the log says of each alert.
    """

    def __init__(self, slos: Sequence[Slo], book: AlertBook) -> None:
        self._slos = {slo.name: slo for slo in slos}
        self._book = book
        self._writer = AlertWriter(book)
        self._names: dict[tuple[str, ...], str] = {}
        self._compared_us = 0

    def news(self, fold: BurnFold, now_us: int) -> Iterator[Alert]:
        """The next record of each alert that has something to say."""
        yield from self._pending(fold, now_us)
        if not 0 <= now_us - self._compared_us < COMPARE_EVERY_US:
            self._compared_us = now_us
            yield from self._compared(fold, now_us)

    def _pending(self, fold: BurnFold, now_us: int) -> Iterator[Alert]:
        waiting: set[str] = set()
        for _ in range(len(fold.pending)):
            name, transition = fold.pending.popleft()
            identity = self._identity(name, transition.labels, transition.severity)
            said = self._writer.said(identity, transition.state, transition.at_us)
            if said and identity not in waiting:
                continue
            fold.pending.append((name, transition))
            if identity not in waiting:
                waiting.add(identity)
                yield from self._say(identity, self._slos[name], transition, now_us)

    def _compared(self, fold: BurnFold, now_us: int) -> Iterator[Alert]:
        """Where the log and an engine differ and no transition tells it, the engine is right."""
        told = {
            self._identity(name, transition.labels, transition.severity)
            for name, transition in fold.pending
        }
        for name, engine in fold.engines.items():
            for labels, severity, episode in engine.episodes():
                identity = self._identity(name, labels, severity)
                if identity not in told and episode.told is not None:
                    yield from self._unsaid(engine, labels, severity, episode.told, now_us)
        for alert in list(self._book.open()):
            held = fold.engines.get(alert.labels.get("slo", ""))
            if held is None or alert.fingerprint in told or alert.kind is not AlertKind.BURN_RATE:
                continue
            if held.at_us >= alert.watermark or held.withdrawn_at(alert.labels) >= alert.starts_at:
                yield from self._over(held, alert, now_us)

    def _unsaid(
        self,
        engine: Engine,
        labels: Mapping[str, str],
        severity: Severity,
        state: AlertState,
        now_us: int,
    ) -> Iterator[Alert]:
        identity = self._identity(engine.slo.name, labels, severity)
        if self._writer.said(identity, state, engine.at_us):
            return  # said, or restored from before the log's last word: it has yet to get there
        found = engine.transition(labels, severity, state, reason(None, state))
        yield from self._say(identity, engine.slo, found, now_us)

    def _over(self, engine: Engine, alert: Alert, now_us: int) -> Iterator[Alert]:
        """An alert that is open on the log alone: it ends on evidence, never for want of data."""
        withdrawn = engine.withdrawn_at(alert.labels) >= alert.starts_at
        if not engine.watches(alert.labels, alert.severity):
            yield from self._gone(engine, alert, UNWATCHED, now_us)
        elif engine.open(alert.labels, alert.severity) is not None:
            return
        elif not engine.knows(alert.labels):
            if withdrawn:
                yield from self._gone(engine, alert, WITHDRAWN, now_us)
        elif withdrawn or engine.fresh(alert.labels, alert.severity):
            why = WITHDRAWN if withdrawn else RECOVERED
            found = engine.transition(alert.labels, alert.severity, AlertState.RESOLVED, why)
            yield from self._say(alert.fingerprint, engine.slo, found, now_us)

    def _gone(self, engine: Engine, alert: Alert, why: str, now_us: int) -> Iterator[Alert]:
        """An alert ends of whose key there are no counts to tell."""
        seq = self._writer.claim(alert.fingerprint, now_us)
        if seq is None:
            return
        at_us = max(alert.watermark, engine.withdrawn_at(alert.labels))
        ingest_us = max(alert.evaluated_at, engine.ingest_us)
        yield replace(
            alert,
            event_id=alert_log.event_id(alert.fingerprint, seq),
            seq=seq,
            state=AlertState.RESOLVED,
            reason=why,
            ends_at=at_us,
            resolved_at=ingest_us,
            evaluated_at=ingest_us,
            watermark=at_us,
        )

    def _say(self, identity: str, slo: Slo, transition: Transition, now_us: int) -> Iterator[Alert]:
        seq = self._writer.claim(identity, now_us)
        if seq is not None:
            yield wording.alert(slo, transition, identity, seq, self._book.last(identity))

    def _identity(self, slo: str, labels: Mapping[str, str], severity: Severity) -> str:
        name = (slo, severity, *(labels[label] for label in self._slos[slo].group_by))
        if name not in self._names:
            if len(self._names) >= MAX_NAMES:
                self._names.clear()
            self._names[name] = alert_log.fingerprint(
                wording.alert_labels(self._slos[slo], labels, severity)
            )
        return self._names[name]
