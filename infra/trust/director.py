"""The director worker: follows the decisions, and issues the online roles of both repositories.

It holds the online keys and no other process does: the gate, which decides, could not sign what
devices install, and this one could not decide.
"""

import logging
import signal
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from infra.health import Check, HealthServer
from infra.kafka.errors import CatchUpError, KafkaUnreachableError
from infra.kafka.follower import Follower
from infra.keys import load_keyring
from infra.objects import ObjectStore
from infra.settings import Settings
from infra.trust.issuer import IssueError, Issuer
from infra.trust.key_folder import KeyFolder
from infra.trust.ordering import ordered
from infra.trust.pinned import pinned_root
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
_WAITS: Final = (IssueError, RefusedError, OSError)

logger = logging.getLogger("fleetloop.director")


class DirectorWorker:
    """Decisions in, signed metadata out.

    Args:
        book: Reader of model-releases; what is void for it changes nothing.
        director, images: Issuers of the two repositories.
        clock: UTC.

    Attributes:
        away: Why the last round could not issue; empty: it could.
    """

    def __init__(
        self, book: ReleaseBook, director: Issuer, images: Issuer, clock: Callable[[], datetime]
    ) -> None:
        self._book, self._director, self._images, self._clock = book, director, images, clock
        self._looked_at: datetime | None = None
        self._changed = True
        self.away = ""

    def observe(self, facts: Iterable[Fact]) -> None:
        """Read decisions."""
        for fact in facts:
            verdict = self._book.observe(fact.record, offset=fact.offset, stamp_us=fact.stamp_us)
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
            _tell("director", self._director.issue(now, ordered(self._book)))
        except _WAITS as error:
            if str(error) != self.away:
                logger.warning("nothing is issued: %s", error)
            self.away = str(error)
        else:
            self._changed, self.away = False, ""


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
    book = ReleaseBook(load_keyring(settings.keys_dir))
    worker = DirectorWorker(book, director, images, lambda: datetime.now(UTC))
    with ExitStack() as stack:
        codec = Codec(registry_from(settings.registry_url))
        follower = Follower(settings.kafka, codec, [MODEL_RELEASES], "director")
        stack.callback(follower.close)
        if settings.metrics_port is not None:
            checks = {"issuing": lambda: Check(not worker.away, worker.away)}
            stack.enter_context(HealthServer(settings.metrics_port, checks))
        if _caught_up(follower, worker, stop):
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
