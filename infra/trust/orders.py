"""What the Director's Targets say, as a function of the valid decisions and the signed images."""

from collections.abc import Mapping
from typing import Any, Final

from tuf.api.metadata import TargetFile

from producers.device.trust.agreement import COUNTER
from producers.device.trust.paths import image_path, way_back_path
from producers.device.trust.predicate import Predicate, Wave
from schemas.decisions import ReleaseBook, ReleaseView
from schemas.records import Preconditions
from schemas.strata import WITHDRAWN, StratumStatus

_OFFERED: Final = frozenset({StratumStatus.OPEN, StratumStatus.COMPLETED})
_ANYHOW: Final = Preconditions(parked=False, min_state_of_charge=0.0, network="any")
_EVERYONE: Final = Wave(wave=0, share=1.0)


def orders(book: ReleaseBook, images: Mapping[str, TargetFile]) -> dict[str, TargetFile]:
    """The Director's targets.

    A release is ordered where a wave is open or it is completed, and no newer one is completed
    there; held and paused strata are left out, so nobody new begins. Whoever is ordered back is
    offered the way back, whatever the preconditions of the release were. An image that the offline
    keys did not sign is never ordered.

    Args:
        book: Of the decisions so far.
        images: Targets of the image repository, by path.
    """
    found: dict[str, TargetFile] = {}
    for view in book.releases.values():
        release_id = view.proposal.release_id
        _order(found, images.get(image_path(release_id)), _forward(book, view))
        _order(found, images.get(way_back_path(release_id)), _back(view))
    return found


def _forward(book: ReleaseBook, view: ReleaseView) -> Predicate:
    strata = {
        name: Wave(wave=stratum.wave or 0, share=stratum.share)
        for name, stratum in view.strata.items()
        if stratum.status in _OFFERED and not _outlived(book, view, name)
    }
    return _predicate(view, view.proposal.release_id, strata, view.proposal.preconditions)


def _back(view: ReleaseView) -> Predicate:
    gone = [one for one in view.strata.values() if one.status in WITHDRAWN]
    to = next((one.rollback_to[0] for one in gone if one.rollback_to), None)
    strata = {name: _EVERYONE for name, one in view.strata.items() if one.status in WITHDRAWN}
    return _predicate(view, to or "", strata if to else {}, _ANYHOW)


def _outlived(book: ReleaseBook, view: ReleaseView, stratum: str) -> bool:
    """Whether a newer release of the class is completed in the stratum."""
    return any(
        other.proposal.counter > view.proposal.counter
        and other.proposal.device_class is view.proposal.device_class
        and stratum in other.strata
        and other.strata[stratum].status is StratumStatus.COMPLETED
        for other in book.releases.values()
    )


def _predicate(
    view: ReleaseView,
    release_id: str,
    strata: Mapping[str, Wave],
    needs: Preconditions | None,
) -> Predicate:
    found = needs or _ANYHOW
    return Predicate(
        release_id=release_id,
        salt=view.proposal.salt or "",
        strata=strata,
        parked=found.parked,
        min_state_of_charge=found.min_state_of_charge,
        network=found.network,
    )


def _order(found: dict[str, TargetFile], image: TargetFile | None, predicate: Predicate) -> None:
    if image is None or not predicate.strata:
        return
    custom: dict[str, Any] = {
        "release": predicate.to_custom(),
        COUNTER: image.unrecognized_fields["custom"][COUNTER],
    }
    found[image.path] = TargetFile(image.length, dict(image.hashes), image.path, {"custom": custom})
