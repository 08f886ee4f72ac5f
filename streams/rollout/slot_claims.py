"""The slot of an attempt: the first one in which it says that the release runs, and no other."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from schemas.records import Slot
from streams.rollout.outcomes import IN_A, IN_B

CLAIMS: Final[Mapping[str, int]] = {Slot.A: IN_A, Slot.B: IN_B}
"""Mark of each slot; one that is not known claims nothing."""


def second_claims(
    attempts: npt.NDArray[np.int64], slots: npt.NDArray[np.uint8], held: npt.NDArray[np.uint8]
) -> npt.NDArray[np.bool_]:
    """Which of n acknowledgements claim another slot than their attempt did first, bool[n].

    Args:
        attempts: int64[n], an attempt's number; its acknowledgements stand together in log order.
        slots: uint8[n], the mark of the slot that each claims; 0: none.
        held: uint8[n], the mark of the slot that its attempt claimed before all of these; 0: none.
    """
    claims = np.flatnonzero(slots)
    first = np.diff(attempts[claims], prepend=-1) != 0
    begun = np.where(held[claims[first]], held[claims[first]], slots[claims[first]])
    found = np.zeros(len(slots), np.bool_)
    found[claims] = slots[claims] != begun[np.cumsum(first) - 1]
    return found


def second_slot(row: dict[str, Any], _stamp_us: int) -> tuple[str, str]:
    """Field and reason of an acknowledgement that claims a second slot."""
    first = Slot.B if row["slot"] == Slot.A else Slot.A
    return "slot", (
        f"attempt {row['attempt']} of device {row['device_id']} at {row['release_id']} runs in "
        f"slot {first}, as was said first: an attempt has one slot"
    )
