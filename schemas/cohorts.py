"""Cohort membership: which share of a stratum a device stands in, computed by anyone alone."""

from hashlib import sha256
from struct import Struct
from typing import Final

_FIRST = Struct(">Q").unpack_from
_SPARE_BITS: Final = 11  # of 64: every multiple of 2^-53 in [0, 1) is a float
_UNIT: Final = 2.0**-53


def membership(salt: str, device_id: str) -> float:
    """Place of a device in a release's cohort order, uniform in [0, 1).

    A device is in a wave when this is below the wave's cumulative share, so waves only grow and
    nobody keeps an assignment. SHA-256(salt || device_id), its first 53 bits as a fraction.
    """
    number: int = _FIRST(sha256(f"{salt}{device_id}".encode()).digest())[0]
    return (number >> _SPARE_BITS) * _UNIT


def held_back(salt: str, device_id: str, holdback: float) -> bool:
    """Whether a device keeps the parent until a release is completed: the end of the order.

    Devices need not know: no wave is opened for a share above 1 - holdback before that.
    """
    return membership(salt, device_id) >= 1.0 - holdback
