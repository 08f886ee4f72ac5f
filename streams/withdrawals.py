"""Releases that valid decisions took off the devices: whatever is said of them is over."""

from typing import Final

from schemas.decisions import ReleaseBook
from schemas.facts import Fact
from schemas.records import ModelRelease, ReleaseKind

Withdrawal = tuple[str, str | None]
"""A release, and the hardware it was taken off; None: every one."""

_GONE: Final = frozenset({ReleaseKind.ROLLBACK_DONE, ReleaseKind.SUPERSEDED})
"""Nobody runs the release any more: evidence that its promise is no longer being broken."""


def withdrawal(releases: ReleaseBook, fact: Fact, record: ModelRelease) -> Withdrawal | None:
    """The release that a valid decision took off the devices, and from which hardware.

    One that has reached everybody has taken its parent off; a device that still reports with the
    parent, since it was away, opens its alert again.
    """
    if not releases.observe(record, offset=fact.offset, stamp_us=fact.stamp_us).valid:
        return None
    if record.kind is ReleaseKind.COMPLETED:
        parent = releases.releases[record.release_id].proposal.parent_release_id
        return None if parent is None else (parent, record.stratum)
    return (record.release_id, record.stratum) if record.kind in _GONE else None
