"""Which releases a record may speak of: judged only by facts that no later record changes."""

from collections.abc import Callable
from typing import NamedTuple

from schemas.records import ModelRelease


class Proposal(NamedTuple):
    """A release's PROPOSED record and the broker's stamp of it in microseconds."""

    record: ModelRelease
    stamp_us: int


Proposals = Callable[[str], Proposal | None]
"""Looks a proposal up by release id."""


def objection(
    known: Proposal | None, release_id: str, hardware: str, stamp_us: int
) -> tuple[str, str] | None:
    """Field and reason why a record stamped then cannot speak of the release, if so.

    A release proposed after the record was stamped does not count: otherwise a rebuild would
    judge the record differently from the first run.
    """
    if known is None or known.stamp_us > stamp_us:
        return "release_id", f"release {release_id} was not proposed when the record was written"
    if hardware not in known.record.strata:
        strata = ", ".join(known.record.strata)
        return "hardware", f"release {release_id} is for {strata}, not for {hardware}"
    return None
