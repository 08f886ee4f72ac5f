"""What holds on a device before it may install: standing still, charge, network, temperature."""

from typing import Final

from producers.device.identity import fraction
from producers.scenario.equipment import Households, Owners
from schemas.records import DeviceConditions, Preconditions

NOT_PARKED: Final = "NOT_PARKED"
LOW_CHARGE: Final = "LOW_CHARGE"
NO_NETWORK: Final = "NO_NETWORK"

PARKING_US: Final = 10_000_000
"""How long a device stands or moves before chance decides anew."""

WIFI_SHARE: Final = 0.6

_RANK: Final = {"NONE": 0, "ANY": 1, "CELLULAR": 1, "WIFI": 2}


def conditions(owners: Owners, seed: int, device_id: str, now_us: int) -> DeviceConditions:
    """What holds on a device now, the same in every run of a scenario."""
    parked = fraction(seed, "parked", device_id, now_us // PARKING_US) < owners.parked
    charge = owners.charge_low + (1 - owners.charge_low) * fraction(seed, "charge", device_id)
    wifi = fraction(seed, "wifi", device_id) < WIFI_SHARE
    network = "WIFI" if wifi else "CELLULAR"
    return DeviceConditions(parked=parked, state_of_charge=round(charge, 3), network=network)


def temperature_c(households: Households, seed: int, device_id: str, now_us: int) -> float | None:
    """Degrees Celsius of a device's computer now; None: not measured."""
    if households.temperature_c is None:
        return None
    low, high = households.temperature_c
    return low + (high - low) * fraction(seed, "warmth", device_id, now_us // PARKING_US)


def is_away(owners: Owners, seed: int, device_id: str, elapsed_us: int) -> bool:
    """Whether a device has vanished: ignition off and no network."""
    if fraction(seed, "away", device_id) >= owners.away:
        return False
    phase = fraction(seed, "away-phase", device_id) * owners.away_every_s
    return (elapsed_us / 1e6 + phase) % owners.away_every_s < owners.away_for_s


def hindrance(needed: Preconditions | None, held: DeviceConditions) -> str | None:
    """Reason code of the first precondition that does not hold; None: all hold.

    A network that is asked for is met by a better one: NONE < ANY = CELLULAR < WIFI, in
    either case. An unknown name is met by WIFI only.
    """
    if needed is None:
        return None
    if needed.parked and not held.parked:
        return NOT_PARKED
    if held.state_of_charge < needed.min_state_of_charge:
        return LOW_CHARGE
    best = max(_RANK.values())
    if _RANK.get(held.network.upper(), 0) < _RANK.get(needed.network.upper(), best):
        return NO_NETWORK
    return None
