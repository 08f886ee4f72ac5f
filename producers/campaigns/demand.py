"""Whether a campaign fits through the uplink: the arithmetic, before it is published."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from schemas.records import CollectionCampaign

CASE_BYTES: Final = 16_384
"""One edge case: a film strip of six pictures, its embedding and the record, rounded up."""
BYTES_PER_DEVICE_HOUR: Final = 262_144
"""What all campaigns together may take of one device's uplink in an hour."""
_HOUR_US: Final = 3_600_000_000


class FloodError(ValueError):
    """A campaign that would flood the uplink, or that no device is in; with the arithmetic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What a campaign asks of the devices in its share.

    Attributes:
        members: Expected number of devices: the fleet's times the share.
        hours: Until it expires.
        bytes_per_device_hour: If its quota is reached, spread evenly.
    """

    members: float
    hours: float
    bytes_per_device_hour: float


def demand(quota: int, share: float, active_devices: int, hours: float) -> Demand:
    """The demand of a quota.

    Raises:
        FloodError: No device is expected to be in the share.
    """
    members = active_devices * share
    if members < 1:
        raise FloodError(
            f"{active_devices} active devices x share {share:g} = {members:.2f} devices: nobody "
            "would collect; raise --share"
        )
    each = quota * CASE_BYTES / members / hours
    return Demand(members=members, hours=hours, bytes_per_device_hour=each)


def uplink_limit(
    asked: Demand, quota: int, others: Iterable[CollectionCampaign], now_us: int
) -> int:
    """Bytes that one device may spend on the campaign in all.

    A device may be in every open campaign: what they may take of it is taken off first.

    Raises:
        FloodError: The demand is above what is left of an hour's uplink.
    """
    taken = sum(_hourly(other, now_us) for other in others if other.expires_ts > now_us)
    left = BYTES_PER_DEVICE_HOUR - taken
    if asked.bytes_per_device_hour > left:
        raise FloodError(
            f"quota {quota} x {CASE_BYTES} bytes / {asked.members:.1f} devices / "
            f"{asked.hours:g} h = {asked.bytes_per_device_hour:.0f} bytes an hour and device; left "
            f"are {max(0.0, left):.0f} of {BYTES_PER_DEVICE_HOUR}, open campaigns may take "
            f"{taken:.0f}: lower --quota, raise --share or --for, or stop another campaign"
        )
    # Encounters are not spread evenly: one device may send twice its part, within what is left.
    hourly = min(left, 2 * asked.bytes_per_device_hour)
    return max(CASE_BYTES, round(hourly * asked.hours))


def _hourly(other: CollectionCampaign, now_us: int) -> float:
    # Not less than an hour: a campaign that is about to end does not spend all in a second.
    hours = max(1.0, (other.expires_ts - now_us) / _HOUR_US)
    return other.uplink_bytes_limit / hours
