"""The director worker: follows the decisions, and issues the online roles of both repositories.

It holds the online keys and no other process does: the gate, which decides, could not sign what
devices install, and this one could not decide.
"""

import logging
import signal
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from infra.health import Check, HealthServer
from infra.kafka.errors import CatchUpError, KafkaUnreachableError
from infra.kafka.follower import Follower
from infra.keys import load_keyring
from infra.objects import ObjectStore
from infra.settings import Settings
from infra.trust.issuer import IssueError, Issuer, Order
from infra.trust.key_folder import KeyFolder
from infra.trust.ordering import ordered
from infra.trust.pinned import pinned_root
from infra.trust.position import Position
from infra.trust.shelf import Shelf
from producers.device.trust.refusal import RefusedError
from schemas.codec import Codec
from schemas.decisions import ReleaseBook
from schemas.facts import Fact
from schemas.registry import registry_from
from schemas.topics import MODEL_RELEASES

POLL_S: Final = 0.25
LOOK_EVERY: Final = 60
"""Seconds between looks at what expires, and at what a ceremony published."""
PRUNE_EVERY: Final = timedelta(days=1)
_WAITS: Final = (IssueError, RefusedError, OSError)

logger = logging.getLogger("fleetloop.director")


class DirectorWorker:
    """Decisions in, signed metadata out.

    Args:
        book: Reader of model-releases; what is void for it changes nothing.
        log: Identity of model-releases.
        director, images: Issuers of the two repositories.
        clock: UTC.
        adopt: Go on where the newest Targets were made of another log.

    Attributes:
        away: Why the last round could not issue; empty: it could.
    """

    def __init__(
        self,
        book: ReleaseBook,
        log: str,
        director: Issuer,
        images: Issuer,
        clock: Callable[[], datetime],
        *,
        adopt: bool = False,
    ) -> None:
        self._book, self._director, self._images, self._clock = book, director, images, clock
        self._at, self._adopt = Position(log=log, read_to=0), adopt
        self._looked_at: datetime | None = None
        self._pruned_at: datetime | None = None
        self._changed = True
        self.away = ""

    def observe(self, facts: Iterable[Fact]) -> None:
        """Read decisions, in the order of the log."""
        for fact in facts:
            verdict = self._book.observe(fact.record, offset=fact.offset, stamp_us=fact.stamp_us)
            self._at = replace(self._at, read_to=fact.offset + 1)
            self._changed |= verdict.valid

    def round(self) -> None:
        """Issue when a decision changed something, and look once a minute at what expires.

        What cannot be issued now is tried again in the next round: `away` says why.

        Raises:
            KeysError: A key that the Roots name is not this host's.
        """
        now = self._clock()
        waited = self._looked_at is None or (now - self._looked_at).total_seconds() >= LOOK_EVERY
        if not (self._changed or waited):
            return
        self._looked_at = now
        try:
            # The image first: an order for what is not vouched for yet would be refused.
            _tell("images", self._images.issue(now))
            _tell("director", self._director.issue(now, self._order()))
            self._prune(now)
        except _WAITS as error:
            if str(error) != self.away:
                logger.warning("nothing is issued: %s", error)
            self.away = str(error)
        else:
            self._changed, self.away = False, ""

    def _prune(self, now: datetime) -> None:
        if self._pruned_at is None or now - self._pruned_at >= PRUNE_EVERY:
            self._pruned_at = now
            for issuer in (self._images, self._director):
                issuer.prune(now)

    def _order(self) -> Order:
        return Order(ordered(self._book, self._images.said()), self._at, self._adopt)


def issuers(keys_dir: Path, objects: ObjectStore) -> tuple[Issuer, Issuer]:
    """Issuers of the Director's and of the image repository.

    Raises:
        KeysError: No Root is pinned.
    """
    keys = KeyFolder(keys_dir)
    director, images = (
        Issuer(Shelf(objects, repository), pinned_root(keys_dir, repository), keys.load)
        for repository in ("director", "images")
    )
    return director, images


def run(settings: Settings) -> None:
    """Issue until SIGTERM or SIGINT.

    Raises:
        KeysError: A key, the keyring or a pinned Root is missing.
        CatchUpError, LogReadError: The log cannot be read.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    director, images = issuers(settings.keys_dir, ObjectStore(settings.objects_url))
    with ExitStack() as stack:
        codec = Codec(registry_from(settings.registry_url))
        follower = Follower(settings.kafka, codec, [MODEL_RELEASES], "director")
        stack.callback(follower.close)
        worker = DirectorWorker(
            ReleaseBook(load_keyring(settings.keys_dir)),
            follower.topic_ids[MODEL_RELEASES.name],
            director,
            images,
            lambda: datetime.now(UTC),
            adopt=settings.adopt_new_topic,
        )
        if settings.metrics_port is not None:
            checks = {"issuing": lambda: Check(not worker.away, worker.away)}
            stack.enter_context(HealthServer(settings.metrics_port, checks))
        if _caught_up(follower, worker, stop):
            logger.info("has read the log; issues what changes and what would expire")
            _follow(follower, worker, stop)


def _caught_up(follower: Follower, worker: DirectorWorker, stop: threading.Event) -> bool:
    """Read the log whole first: half of it would order what was ordered back since."""
    while not stop.is_set():
        try:
            worker.observe(follower.catch_up())
        except (CatchUpError, KafkaUnreachableError) as error:
            logger.warning("waits for the log: %s", error)
        else:
            return True
    return False


def _follow(follower: Follower, worker: DirectorWorker, stop: threading.Event) -> None:
    while not stop.is_set():
        worker.observe(follower.poll(POLL_S))
        worker.round()


def _tell(repository: str, issued: Mapping[str, int]) -> None:
    if issued:
        words = ", ".join(f"{role} {version}" for role, version in issued.items())
        logger.info("%s: issued %s", repository, words)
