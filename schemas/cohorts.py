"""Cohort membership: which share of a stratum a device stands in, computed by anyone alone."""

import hashlib
from typing import Final

_FRACTION_BITS: Final = 53  # every float in [0, 1) that is a multiple of 2^-53 is exact


def membership(salt: str, device_id: str) -> float:
    """Place of a device in a release's cohort order, uniform in [0, 1).

    A device is in a wave when this is below the wave's cumulative share, so waves only grow and
    nobody keeps an assignment. SHA-256(salt || device_id), its first 53 bits as a fraction.
    """
    digest = hashlib.sha256(f"{salt}{device_id}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> (64 - _FRACTION_BITS)) / (1 << _FRACTION_BITS)


def held_back(salt: str, device_id: str, holdback: float) -> bool:
    """Whether a device keeps the parent until a release is completed: the end of the order.

    Devices need not know: no wave is opened for a share above 1 - holdback before that.
    """
    return membership(salt, device_id) >= 1.0 - holdback
