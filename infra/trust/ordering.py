"""The Director's Targets: what the valid decisions on the log order, for whom. Pure.

A release that is held or paused stays as it was opened: devices that accepted it go on, as the log
says, and that no further one does is said by the signed decision. One that is ordered back goes,
and the way back from it comes.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

from tuf.api.metadata import TargetFile

from infra.trust.vouching import artifact_of, back_counter, forward_counter, target_file
from producers.device.trust.agreement import COUNTER, counter
from producers.device.trust.paths import image_path, shadow_path, way_back_path
from producers.device.trust.predicate import Predicate, Wave
from producers.releases import DEFAULT_PRECONDITIONS
from schemas.decisions import ReleaseBook, ReleaseView
from schemas.records import ModelRelease
from schemas.strata import ACTIVE, WITHDRAWN, StratumStatus
from schemas.stratum_view import StratumView

EVERYBODY: Final = 1.0


def ordered(book: ReleaseBook, vouched: Mapping[str, TargetFile]) -> Mapping[str, TargetFile]:
    """Targets by path.

    Args:
        book: The valid decisions.
        vouched: What the image repository's Targets say, by path: a later ceremony lifts the
            counter of a way back, and the Director must say the same one.

    What is older than the newest completed release of a stratum is ordered there no more, so that
    the file does not grow with the years.
    """
    newest = _newest_completed(book)
    targets: dict[str, TargetFile] = {}
    for view in book.releases.values():
        current = {
            name: stratum
            for name, stratum in view.strata.items()
            if view.proposal.counter >= newest[name]
        }
        for target in (_forward(view, current), _beside(view), _back(book, view, current)):
            if target is not None:
                signed = vouched.get(target.path)
                if signed is not None and (lifted := counter(signed)) is not None:
                    target.custom[COUNTER] = lifted
                targets[target.path] = target
    return targets


def _newest_completed(book: ReleaseBook) -> Mapping[str, int]:
    newest: defaultdict[str, int] = defaultdict(int)
    for view in book.releases.values():
        for name, stratum in view.strata.items():
            if stratum.status is StratumStatus.COMPLETED:
                newest[name] = max(newest[name], view.proposal.counter)
    return newest


def _forward(view: ReleaseView, current: Mapping[str, StratumView]) -> TargetFile | None:
    waves = {
        name: wave for name, stratum in current.items() if (wave := _wave(stratum)) is not None
    }
    return _to(view, image_path(view.proposal.release_id), waves)


def _beside(view: ReleaseView) -> TargetFile | None:
    waves = {
        name: Wave(wave=0, share=stratum.shadow.share)
        for name, stratum in view.strata.items()
        if stratum.status is StratumStatus.SHADOW and stratum.shadow is not None
    }
    return _to(view, shadow_path(view.proposal.release_id), waves)


def _to(view: ReleaseView, path: str, waves: Mapping[str, Wave]) -> TargetFile | None:
    """The release itself, ordered under a path; None: to nobody."""
    if not waves:
        return None
    release = _predicate(view.proposal, view.proposal.release_id, waves).to_custom()
    custom = {"release": release, COUNTER: forward_counter(view.proposal.counter)}
    return target_file(path, artifact_of(view.proposal), custom)


def _wave(stratum: StratumView) -> Wave | None:
    if stratum.status is StratumStatus.COMPLETED:
        return Wave(wave=stratum.wave or 0, share=EVERYBODY)
    if stratum.status in ACTIVE and stratum.wave is not None:
        return Wave(wave=stratum.wave, share=stratum.share)
    return None


def _back(
    book: ReleaseBook, view: ReleaseView, current: Mapping[str, StratumView]
) -> TargetFile | None:
    """The way back, where the order leads to the parent: no other was signed in the ceremony."""
    parent = book.releases.get(view.proposal.parent_release_id or "")
    if parent is None:
        return None
    to = (parent.proposal.release_id, parent.digest)
    waves = {
        name: Wave(wave=stratum.wave or 0, share=EVERYBODY)
        for name, stratum in current.items()
        if stratum.status in WITHDRAWN and stratum.rollback_to == to
    }
    if not waves:
        return None
    release: dict[str, Any] = _predicate(view.proposal, to[0], waves).to_custom()
    custom = {"release": release, COUNTER: back_counter(view.proposal.counter)}
    return target_file(
        way_back_path(view.proposal.release_id), artifact_of(parent.proposal), custom
    )


def _predicate(proposal: ModelRelease, release_id: str, waves: Mapping[str, Wave]) -> Predicate:
    needs = proposal.preconditions or DEFAULT_PRECONDITIONS
    return Predicate(
        release_id=release_id,
        salt=proposal.salt,
        strata=waves,
        parked=needs.parked,
        min_state_of_charge=needs.min_state_of_charge,
        network=needs.network,
    )
