"""Whether a device may begin an update now: the release's preconditions, its own, its owner's.

A device that may not is DEFERRED, with the reason: it waits and fails nothing. What the release
asks for (parked, charge, network) is signed with it; what the hardware bears and what the owner
wishes belongs to the device and is no business of the release.
"""

from dataclasses import dataclass, field
from typing import Final

from producers.device.conditions import hindrance
from producers.device.postponement import Consent, Postponing, waits_for
from schemas.records import DeviceConditions, Preconditions

TOO_COLD: Final = "TOO_COLD"
TOO_HOT: Final = "TOO_HOT"
QUIET_HOURS: Final = "QUIET_HOURS"

DAY_MINUTES: Final = 24 * 60
_MINUTE_US: Final = 60_000_000


@dataclass(frozen=True, slots=True)
class Hours:
    """A part of every day, in minutes after local midnight; `until` is the first one outside.

    One that ends before it begins goes over midnight; one that ends where it begins is empty.

    Raises:
        ValueError: A minute is not in [0, 1440].
    """

    begin: int
    until: int

    def __post_init__(self) -> None:
        for minute in (self.begin, self.until):
            if not 0 <= minute <= DAY_MINUTES:
                raise ValueError(f"hours: minute {minute} must be in [0, {DAY_MINUTES}]")

    def hold(self, minute: int) -> bool:
        """Whether a minute of the day is one of them."""
        if self.begin <= self.until:
            return self.begin <= minute < self.until
        return minute >= self.begin or minute < self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class Household:
    """What a device bears and its owner wishes, whatever the release.

    Attributes:
        coldest_c, hottest_c: Degrees Celsius between which storage is written and a trial is run.
        quiet: Hours in which nothing may begin.
        utc_offset_min: Local time of the device, minutes east of UTC.
        asks: Whether the owner is asked before each update.
        postponing: How often and how long an owner may say "later".
    """

    coldest_c: float = -20.0
    hottest_c: float = 60.0
    quiet: tuple[Hours, ...] = ()
    utc_offset_min: int = 0
    asks: bool = False
    postponing: Postponing = field(default_factory=Postponing)


def deferral(
    needed: Preconditions | None,
    held: DeviceConditions,
    temperature_c: float | None,
    household: Household,
    consent: Consent,
    now_us: int,
) -> str | None:
    """Reason code why an update may not begin now; None: it may.

    Args:
        needed: What the release asks for.
        held: What holds on the device.
        temperature_c: Of its computer, degrees Celsius; one that is no number is too hot. None:
            it is not measured.
        household: What device and owner ask for.
        consent: What the owner has said about this release.
        now_us: UTC microseconds.
    """
    if (reason := hindrance(needed, held)) is not None:
        return reason
    if temperature_c is not None and temperature_c < household.coldest_c:
        return TOO_COLD
    if temperature_c is not None and not temperature_c <= household.hottest_c:
        return TOO_HOT
    minute = (now_us // _MINUTE_US + household.utc_offset_min) % DAY_MINUTES
    if any(hours.hold(minute) for hours in household.quiet):
        return QUIET_HOURS
    return waits_for(consent, household.postponing, now_us)
