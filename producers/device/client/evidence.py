"""Noting a device's evidence beside its steps: the device is never stopped by it."""

import logging
from collections.abc import Mapping
from typing import Any

from producers.device.evidence.chain import read
from producers.device.evidence.entry import EvidenceError, Kind
from producers.device.evidence.facts import of_ack, of_refusal, of_verified
from producers.device.evidence.log import EvidenceLog
from producers.device.flash import Flash
from producers.device.trust.cycle import Verified
from producers.device.trust.refusal import RefusedError

log = logging.getLogger(__name__)

_Told = tuple[str, int, int, str]


class Notes:
    """Writes the log of evidence; a step is noted once it is safe, and once only."""

    def __init__(self, evidence: EvidenceLog) -> None:
        self._evidence = evidence
        self._told: set[_Told] | None = None

    @property
    def head(self) -> str | None:
        """Its head; None while this boot has noted nothing."""
        return self._evidence.head or None

    def note(self, kind: Kind, facts: Mapping[str, Any], at_us: int) -> None:
        """Note one thing; a storage that does not take it is said, and mended by the next note."""
        try:
            self._evidence.note(kind, facts, at_us)
        except OSError as error:
            log.warning("evidence: %s not noted: %s", kind, error)

    def verified(self, verified: Verified, release_id: str, now_us: int) -> None:
        """Note an image that was verified."""
        self.note(Kind.VERIFIED, of_verified(verified, release_id), now_us)

    def refused(self, error: RefusedError, release_id: str, now_us: int) -> None:
        """Note an update that was refused."""
        self.note(Kind.REFUSED, of_refusal(error, release_id), now_us)

    def note_acks(self, flash: Flash) -> None:
        """Note the steps in the outbox that are not noted yet."""
        if self._told is None:
            self._told = self._read()
        standing: set[_Told] = set()
        for ack in flash.outbox:
            told = (ack.release_id, ack.attempt, ack.seq, ack.boot_id)
            standing.add(told)
            if told not in self._told:
                self.note(Kind.DID, of_ack(ack), ack.device_ts)
        self._told = standing  # what has left the outbox does not come back

    def _read(self) -> set[_Told]:
        """What an earlier boot has noted before its power went."""
        try:
            entries = read(self._evidence.data()).entries
        except (EvidenceError, OSError):
            return set()
        return {_told(one.facts) for one in entries if one.kind is Kind.DID}


def _told(facts: Mapping[str, Any]) -> _Told:
    return (facts["release_id"], facts["attempt"], facts["seq"], facts["boot"])
