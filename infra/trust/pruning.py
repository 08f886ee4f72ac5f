"""Removes what nobody asks for any more: Timestamps and Snapshots that were superseded long ago.

A device that has not been seen for years asks for every Root after its own, the Timestamp that is
shown, and what that names; one in the middle of a cycle, for what was named a moment ago. A
device's evidence is judged by the Roots and Targets it names, which stay.
"""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from tuf.api.metadata import Root

from infra.trust.shelf import Shelf
from infra.trust.signed_file import LIFE, verified
from producers.device.trust.refusal import RefusedError

KEPT: Final = timedelta(days=30)
"""How long a file stays after another took its place: longer than any cycle, and a month to look at
what was said."""
_PRUNED: Final = ("snapshot", "timestamp")


def prune(shelf: Shelf, root: Root, now: datetime) -> int:
    """Remove what was superseded longer ago than `KEPT`.

    Args:
        shelf: The repository.
        root: Its newest Root.
        now: UTC.

    Returns:
        How many files went.

    Raises:
        OSError: The store does not answer.
    """
    gone, there = 0, shelf.versions()
    for role in _PRUNED:
        newest = shelf.newest(role, root, there[role])
        counting = sorted(one for one in there[role] if newest and one <= newest.version)
        for version, successor in pairwise(counting):
            made = _made(shelf, role, successor)
            if made is None:
                continue
            if made > now - KEPT:
                break
            shelf.drop(role, version)
            gone += 1
    return gone


def _made(shelf: Shelf, role: str, version: int) -> datetime | None:
    """When a file was issued, by what it says; None: it is not one of ours."""
    data = shelf.read(f"{version}.{role}.json")
    try:
        document = verified(data or b"", role, shelf.repository, [])
    except RefusedError:
        return None
    expires: datetime = document.signed.expires
    return expires - LIFE[role]
