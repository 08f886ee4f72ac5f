"""What the log wants of a device, in the words of its update client."""

from dataclasses import dataclass

from producers.device.slots import Model
from schemas.records import Preconditions


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """A release that the log ordered back, and the wave a device had it from."""

    release_id: str
    wave: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Install:
    """The log wants this model to run.

    Attributes:
        replaces: What runs now, if that was withdrawn.
        way_back_of: The newest release that was ordered back to this model's; None: none was. Who
            may have had that one can return only under the counter of its way back.
    """

    model: Model
    preconditions: Preconditions | None = None
    replaces: Withdrawn | None = None
    way_back_of: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp:
    """The log ordered back the release of the attempt under way."""

    withdrawn: Withdrawn


@dataclass(frozen=True, slots=True, kw_only=True)
class GoBack:
    """The log ordered back the release that runs: run `to` instead; `way_back_of` as above."""

    withdrawn: Withdrawn
    to: Model
    way_back_of: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse:
    """The log wants a release that this device cannot run; `reason` is a code."""

    release_id: str
    wave: int
    reason: str


Wish = Install | GiveUp | GoBack | Refuse | None
"""What the log wants of a device; None: go on as you are."""
