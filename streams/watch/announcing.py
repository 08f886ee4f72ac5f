"""From steps to records on `alerts`: compare-and-set on the log, one step of an alert at a time."""

from collections.abc import Iterator

from schemas import alert_log
from schemas.alert_log import WATCHDOG_BEAT_US, AlertBook
from schemas.records import Alert
from streams.alert_writer import AlertWriter
from streams.watch import wording
from streams.watch.episodes import Step
from streams.watch.watching import WatchFold


class Announcer:
    """Says on the log what the watch found; its own state moves only by what it reads back.

    Args:
        book: What the log says of each alert.
    """

    def __init__(self, book: AlertBook) -> None:
        self._book = book
        self._writer = AlertWriter(book)

    def news(self, fold: WatchFold, now_us: int) -> Iterator[Alert]:
        """The next record of each alert that has something to say."""
        waiting: set[str] = set()
        steps = fold.episodes.steps
        for _ in range(len(steps)):
            step = steps.popleft()
            identity = alert_log.fingerprint(wording.labels(step.name))
            if identity not in waiting and self._said(identity, step):
                continue
            steps.append(step)
            if identity not in waiting:
                waiting.add(identity)
                yield from self._say(identity, step, fold, now_us)
        for step in fold.episodes:  # where log and watch differ and no step tells it
            identity = alert_log.fingerprint(wording.labels(step.name))
            if identity not in waiting and not self._said(identity, step):
                yield from self._say(identity, step, fold, now_us)
        yield from self._beat(fold, now_us)

    def _beat(self, fold: WatchFold, now_us: int) -> Iterator[Alert]:
        """Now and then a step of the Watchdog: whoever waits for it learns of our death."""
        if not fold.ingest_us:
            return
        step = wording.watchdog(fold.ingest_us)
        identity = alert_log.fingerprint(wording.labels(step.name))
        last = self._book.last(identity)
        if last is None or step.at_us - last.watermark >= WATCHDOG_BEAT_US:
            yield from self._say(identity, step, fold, now_us)

    def _said(self, identity: str, step: Step) -> bool:
        return self._writer.said(identity, step.state, step.at_us)

    def _say(self, identity: str, step: Step, fold: WatchFold, now_us: int) -> Iterator[Alert]:
        seq = self._writer.claim(identity, now_us)
        if seq is not None:
            evaluated_us = max(step.at_us, fold.ingest_us)
            yield wording.alert(step, identity, seq, self._book.last(identity), evaluated_us)
