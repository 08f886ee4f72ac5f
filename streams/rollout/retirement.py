"""From when a release is history: newer ones are completed, and nobody goes back to it."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from schemas.decisions import ReleaseBook, ReleaseView
from schemas.records import DeviceClass
from schemas.strata import ACTIVE, BEFORE_OPENING
from schemas.strata import StratumStatus as S

Retired = Callable[[str], int | None]
"""Stamp from which a release is history; None: none yet."""

_UNFINISHED: Final = ACTIVE | BEFORE_OPENING | {S.ROLLING_BACK}
_LEFT: Final = frozenset({S.REJECTED, S.ROLLED_BACK})
"""Statuses from which no person orders devices back."""


class Retirements:
    """Stamps from which releases are retired; what is told once never changes.

    A release is *followed* when it is finished in every stratum, and a newer one has been
    COMPLETED in each of them for `monitor_s`. It retires when it is followed, and so is each
    release that has it as parent, or nobody can be ordered back from that one any more: so the
    live release and what it would go back to stay.

    Args:
        monitor_s: Time after its completion in which a release may still turn out bad, seconds.
    """

    def __init__(self, monitor_s: float) -> None:
        self._monitor_us = monitor_s * 1e6
        self._retired: dict[str, int] = {}
        self._expected: dict[str, int] | None = None

    def since_us(self, book: ReleaseBook, release_id: str) -> int | None:
        """Stamp from which a release is retired, as decisions stand; None: it will not be.

        Of a stamp that was read past on the log of decisions; of later ones it is a forecast.
        """
        if (known := self._retired.get(release_id)) is not None:
            return known
        if self._expected is None:
            self._expected = self._forecast(book)
        return self._expected.get(release_id)

    def settle(self, book: ReleaseBook, stamp_us: int) -> None:
        """Keep what was due by the stamp of the next decision, before the book reads it."""
        due = self._forecast(book) if self._expected is None else self._expected
        self._retired.update({name: us for name, us in due.items() if us <= stamp_us})
        self._expected = None

    def _forecast(self, book: ReleaseBook) -> dict[str, int]:
        """When each release retires if nothing more is decided; who never does is not in it."""
        found: dict[str, int] = {}
        completed: dict[tuple[DeviceClass, str], int] = {}
        blocked: dict[str, list[int | None]] = {}
        for release_id, view in reversed(list(book.releases.items())):
            followed = self._retired.get(release_id)
            if followed is None:
                followed = _latest(self._reasons(view, completed))
                retired = _latest([followed, *blocked.get(release_id, ())])
                if retired is not None:
                    found[release_id] = retired
            if (parent := view.proposal.parent_release_id) is not None:
                blocked.setdefault(parent, []).append(_left_us(view) or followed)
            for name, at in view.strata.items():
                if at.status is S.COMPLETED and at.completed_us is not None:
                    place = (view.proposal.device_class, name)
                    completed[place] = min(completed.get(place, at.completed_us), at.completed_us)
        return found

    def _reasons(
        self, view: ReleaseView, completed: dict[tuple[DeviceClass, str], int]
    ) -> Iterator[int | None]:
        """Since when it is finished, and then followed, in each stratum; None: it is not."""
        for name, at in view.strata.items():
            yield None if at.status in _UNFINISHED else at.since_us
            followed_us = completed.get((view.proposal.device_class, name))
            yield None if followed_us is None else round(followed_us + self._monitor_us)


def _latest(reasons: Iterable[int | None]) -> int | None:
    """When the last of them holds; None: one does not."""
    us = list(reasons)
    known = [one for one in us if one is not None]
    return max(known) if len(known) == len(us) else None


def _left_us(view: ReleaseView) -> int | None:
    """Since when nobody can be ordered back from it; None: somebody can."""
    if any(at.status not in _LEFT for at in view.strata.values()):
        return None
    return max(at.since_us for at in view.strata.values())
