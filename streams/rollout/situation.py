"""One release among the others: all that the guards of the state machine look at."""

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.catalogue import Hardware
from streams.rollout.ledger import Ledger
from streams.rollout.standing import ReleaseStanding


@dataclass(frozen=True, slots=True)
class Situation:
    """Where a release stands, beside the decisions and orders about all releases."""

    at: ReleaseStanding
    ledger: Ledger
    hardware: Mapping[str, Hardware]
