"""Following a release on the log until nothing more will happen to it by itself."""

import time
from collections.abc import Iterator
from typing import Final

from infra.cli.log import READ_S
from infra.cli.output import Exit
from infra.kafka.follower import Follower
from infra.keys import load_keyring
from infra.settings import Settings
from schemas.codec import Codec
from schemas.decisions import ReleaseBook, ReleaseView
from schemas.facts import Fact
from schemas.registry import registry_from
from schemas.strata import WAITING, StratumStatus
from schemas.topics import MODEL_RELEASES

POLL_S: Final = 0.25
_GOOD: Final = frozenset({StratumStatus.COMPLETED, StratumStatus.SUPERSEDED})
_ENDED: Final = _GOOD | {
    StratumStatus.ROLLED_BACK,
    StratumStatus.ABORTED,
    StratumStatus.REJECTED,
}


def verdict(view: ReleaseView) -> Exit | None:
    """How a release ended: OK when every stratum completed; None while it still moves.

    A release of which all that is left is held or paused waits for a person: that is no success.
    """
    statuses = {stratum.status for stratum in view.strata.values()}
    if not statuses <= _ENDED | WAITING:
        return None
    return Exit.OK if statuses <= _GOOD else Exit.CONDITION_NOT_MET


class Following:
    """Reads model-releases on and on; `book` is what it amounts to.

    Raises:
        KeysError: The keyring is missing or wrong.
    """

    def __init__(self, settings: Settings) -> None:
        self.book = ReleaseBook(load_keyring(settings.keys_dir))
        codec = Codec(registry_from(settings.registry_url))
        self._follower = Follower(settings.kafka, codec, [MODEL_RELEASES], "fleetloop")

    def catch_up(self) -> None:
        """Read what the log holds now."""
        for _ in self._valid(self._follower.catch_up(READ_S)):
            pass

    def decisions(self, timeout_s: float | None) -> Iterator[Fact | None]:
        """Valid decisions as they come, and None at least every quarter of a second.

        Args:
            timeout_s: When to end; None: never.
        """
        until = None if timeout_s is None else time.monotonic() + timeout_s
        while until is None or time.monotonic() < until:
            yield from self._valid(self._follower.poll(POLL_S))
            yield None

    def close(self) -> None:
        """Give the connections back."""
        self._follower.close()

    def _valid(self, facts: list[Fact]) -> Iterator[Fact]:
        for fact in facts:
            if self.book.observe(fact.record, offset=fact.offset, stamp_us=fact.stamp_us).valid:
                yield fact
