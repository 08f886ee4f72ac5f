"""Both repositories must say the same of an image, and its release counter never goes back."""

from typing import Any

from tuf.api.metadata import TargetFile

from producers.device.trust.assignment import hardware_ids
from producers.device.trust.predicate import Identity
from producers.device.trust.refusal import Reason, RefusedError
from producers.device.trust.shapes import Fields

COUNTER = "releaseCounter"


def check_agreement(ordered: TargetFile, image: TargetFile, me: Identity) -> None:
    """Check the Director's word against that of the offline keys.

    Args:
        ordered: The Director's target.
        image: The image repository's target of the same path.
        me: The device.

    Raises:
        RefusedError: They differ in length, hashes, release or counter, or the image is not made
            for this hardware.
    """
    if ordered.length != image.length:
        raise _differ(f"length {ordered.length} and {image.length}")
    common = ordered.hashes.keys() & image.hashes.keys()
    if not common:
        raise _differ("no hash in common")
    for name in sorted(common):
        if ordered.hashes[name].lower() != image.hashes[name].lower():
            raise _differ(f"{name} {ordered.hashes[name]} and {image.hashes[name]}")
    if counter(ordered) != counter(image):
        raise _differ(f"{COUNTER} {counter(ordered)} and {counter(image)}")
    if _release_id(ordered.custom) != _release_id(image.custom):
        raise _differ(f"release {_release_id(ordered.custom)} and {_release_id(image.custom)}")
    if me.hardware not in (made_for := hardware_ids(image.custom, me)):
        rule = (
            f"image is for hardware {', '.join(made_for) or 'of others'}, this is {me.hardware!r}"
        )
        raise RefusedError("targets", Reason.BAD_HARDWARE_ID, rule)


def check_counter(image: TargetFile, trusted: int | None) -> None:
    """Check that the release counter does not go back.

    Args:
        image: A target both repositories agree on.
        trusted: Highest counter this device has verified; None: none yet.

    Raises:
        RefusedError: It is lower, or missing where there was one.
    """
    found = counter(image)
    if trusted is not None and (found is None or found < trusted):
        rule = f"{COUNTER} {found}, this device has verified {trusted}"
        raise RefusedError("targets", Reason.COUNTER_ROLLBACK, rule)


def counter(target: TargetFile) -> int | None:
    """Release counter of a target; None: it has none.

    Raises:
        RefusedError: It is no integer from 0.
    """
    fields = Fields("targets", target.custom, "custom")
    return fields.number(COUNTER, 0) if fields.maybe(COUNTER) else None


def _release_id(custom: Any) -> str | None:
    fields = Fields("targets", custom, "custom")
    return fields.inner("release").text("release_id") if fields.maybe("release") else None


def _differ(what: str) -> RefusedError:
    rule = f"Director and image repository must agree, they say {what}"
    return RefusedError("targets", Reason.TARGET_MISMATCH, rule)
