"""Where a release can stand in one stratum, and what these statuses have in common."""

from enum import StrEnum
from typing import Final


class StratumStatus(StrEnum):
    """Where a release stands in one stratum."""

    PROPOSED = "PROPOSED"
    VERIFIED = "VERIFIED"
    APPROVED = "APPROVED"
    SHADOW = "SHADOW"
    OPEN = "OPEN"
    HELD = "HELD"
    PAUSED = "PAUSED"
    ROLLING_BACK = "ROLLING_BACK"
    ROLLED_BACK = "ROLLED_BACK"
    COMPLETED = "COMPLETED"
    SUPERSEDED = "SUPERSEDED"
    ABORTED = "ABORTED"
    REJECTED = "REJECTED"


S = StratumStatus

ACTIVE: Final = frozenset({S.OPEN, S.HELD, S.PAUSED})
"""While a release is here, no other may open in its stratum."""
WITHDRAWN: Final = frozenset({S.ROLLING_BACK, S.ROLLED_BACK})
"""Whoever runs the release goes back."""
BEFORE_OPENING: Final = frozenset({S.PROPOSED, S.VERIFIED, S.APPROVED, S.SHADOW})
"""No device was offered the release yet; in SHADOW some run it beside their own, unused."""
WAITING: Final = frozenset({S.HELD, S.PAUSED})
"""A person decides what comes next."""
