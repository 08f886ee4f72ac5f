"""What the log wants of a device: the release book's target, in the update client's words."""

from typing import Final

from producers.device.identity import Who
from producers.device.slots import Model, Slots
from producers.device.wishes import GiveUp, GoBack, Install, Refuse, Wish, Withdrawn
from producers.model.form import FORMATS
from schemas.decisions import ReleaseBook, ReleaseView, Target
from schemas.strata import WITHDRAWN

NO_DEADLINE: Final = "NO_DEADLINE"
WRONG_FORMAT: Final = "WRONG_FORMAT"
WRONG_INPUT: Final = "WRONG_INPUT"


def wish(book: ReleaseBook, who: Who, slots: Slots, trying: Model | None, now_us: int) -> Wish:
    """What a device is to do now, by the current decision; queued ones are never replayed.

    Args:
        book: The decisions so far.
        who: The device.
        slots: What it holds and runs.
        trying: The model of the attempt under way; it runs already while it is on trial.
        now_us: The device's time, microseconds.
    """
    old = slots.standby if slots.trial else slots.running
    target = book.target(
        who.device_id,
        who.device_class,
        who.hardware,
        old.release_id if old is not None else None,
        trying.release_id if trying is not None else None,
        now_us=now_us,
    )
    if trying is not None and (given_up := _withdrawn(book, who, trying)) is not None:
        return GiveUp(withdrawn=given_up)
    lost = _withdrawn(book, who, old)
    if target.release_id is None or (old is not None and target.release_id == old.release_id):
        return None
    return _to(book, who, target, lost, slots.standby)


def beside(book: ReleaseBook, who: Who, running: Model | None) -> Model | None:
    """The model a device is to run beside its own, outputs unused; None: none, or it is unfit."""
    view = book.shadow(who.device_id, who.device_class, who.hardware)
    if view is None or running is None or running.release_id == view.proposal.release_id:
        return None
    return _model(view, who, 0) if _unfit(view, who) is None else None


def _to(
    book: ReleaseBook, who: Who, target: Target, lost: Withdrawn | None, standby: Model | None
) -> Wish:
    view = book.releases.get(target.release_id or "")
    if view is None:
        # An order back to a release from before this log: only the other slot can have it.
        kept = standby is not None and standby.digest == target.digest
        return GoBack(withdrawn=lost, to=standby) if lost and standby and kept else None
    wave = view.strata[who.hardware].wave or 0 if who.hardware in view.strata else 0
    reason = _unfit(view, who)
    if reason is not None:
        return Refuse(release_id=view.proposal.release_id, wave=wave, reason=reason)
    model = _model(view, who, wave)
    way_back_of = _way_back_of(book, who, model.release_id)
    if lost is not None and _ordered(book, lost, target):
        return GoBack(withdrawn=lost, to=model, way_back_of=way_back_of)
    return Install(
        model=model,
        preconditions=view.proposal.preconditions,
        replaces=lost,
        way_back_of=way_back_of,
    )


def _way_back_of(book: ReleaseBook, who: Who, release_id: str) -> str | None:
    """The newest release whose way back leads here, for the device's class and stratum."""
    leading = [
        view.proposal
        for view in book.releases.values()
        if view.proposal.device_class is who.device_class
        and view.proposal.parent_release_id == release_id
        and (stratum := view.strata.get(who.hardware)) is not None
        and stratum.status in WITHDRAWN
    ]
    newest = max(leading, key=lambda proposal: proposal.counter, default=None)
    return None if newest is None else newest.release_id


def _ordered(book: ReleaseBook, lost: Withdrawn, target: Target) -> bool:
    """Whether the target is where the order leads, and not a newer release that replaces it."""
    leads_to = book.releases[target.release_id or ""].proposal.counter
    return leads_to < book.releases[lost.release_id].proposal.counter


def _withdrawn(book: ReleaseBook, who: Who, model: Model | None) -> Withdrawn | None:
    view = book.releases.get(model.release_id) if model is not None else None
    stratum = view.strata.get(who.hardware) if view is not None else None
    if model is None or stratum is None or stratum.status not in WITHDRAWN:
        return None
    return Withdrawn(release_id=model.release_id, wave=model.wave)


def _unfit(view: ReleaseView, who: Who) -> str | None:
    artifact = view.proposal.artifact
    if artifact is None or artifact.format.upper() not in FORMATS:
        return WRONG_FORMAT
    shape = who.medium.shape
    if tuple(artifact.input_shape[-len(shape) :]) != shape:
        return WRONG_INPUT
    return None if view.proposal.deadline_us.get(who.hardware, 0) > 0 else NO_DEADLINE


def _model(view: ReleaseView, who: Who, wave: int) -> Model:
    artifact = view.proposal.artifact
    if artifact is None:
        raise ValueError(f"release {view.proposal.release_id}: no artifact; see _unfit")
    return Model(
        release_id=view.proposal.release_id,
        digest=artifact.digest,
        uri=artifact.uri,
        deadline_us=view.proposal.deadline_us[who.hardware],
        wave=wave,
    )
