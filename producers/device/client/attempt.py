"""One attempt at one release: what it does next, and all that a reboot must know of it."""

from dataclasses import dataclass, field
from enum import StrEnum

from producers.device.postponement import Consent
from producers.device.wishes import Install


class Phase(StrEnum):
    """What an attempt does next. COMMIT and REVERT are single writes that end it."""

    OFFER = "OFFER"
    DOWNLOAD = "DOWNLOAD"
    VERIFY = "VERIFY"
    INSTALL = "INSTALL"
    TRIAL_BOOT = "TRIAL_BOOT"
    HEALTH = "HEALTH"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt at one release; every step makes a new value, kept before it counts.

    Attributes:
        number: From 1, by release.
        due_us: When the next step is due, UTC microseconds.
        offered_us: When it was offered, likewise.
        deferred: Why it waits, by the last DEFERRED; empty: it does not.
        recovery: It fetches again what a rollback returns to.
        boots: Boots of the new slot so far.
        consent: What the owner said.
    """

    wanted: Install
    number: int
    phase: Phase
    due_us: int
    offered_us: int = 0  # kept by an older client without it: that offer is over
    deferred: str = ""
    recovery: bool = False
    boots: int = 0
    consent: Consent = field(default_factory=Consent)
