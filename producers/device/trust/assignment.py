"""What the Director orders for a device: by its ECU id as in Uptane, or by the wave predicate."""

from collections import Counter
from typing import Any

from tuf.api.metadata import TargetFile, Targets

from producers.device.trust.documents import Document
from producers.device.trust.predicate import Identity, from_custom
from producers.device.trust.refusal import Reason, RefusedError
from producers.device.trust.shapes import Fields


def ordered(targets: Document[Targets], path: str, me: Identity) -> TargetFile:
    """The Director's target of that path, if it is for this device.

    Args:
        targets: The Director's Targets metadata, verified.
        path: The target asked for.
        me: The device, a vehicle of one ECU.

    Raises:
        RefusedError: It is not there, or not for this device.
    """
    try:
        return _ordered(targets, path, me)
    except RefusedError as error:
        error.version = targets.version
        raise


def _ordered(targets: Document[Targets], path: str, me: Identity) -> TargetFile:
    _check_once(targets)
    target = targets.signed.targets.get(path)
    if target is None:
        raise targets.refuse(Reason.TARGET_NOT_FOUND, f"the Director orders no {path[:120]!r}")
    custom = Fields("targets", target.custom, "custom")
    if custom.maybe("ecuIdentifiers"):
        _check_ecus(targets, custom.inner("ecuIdentifiers"), me)
        return target
    predicate = from_custom(target.custom.get("release"))
    if me.hardware not in predicate.strata:
        rule = f"is for {', '.join(sorted(predicate.strata)) or 'none'}, not for {me.hardware}"
        raise targets.refuse(Reason.BAD_HARDWARE_ID, rule)
    if not predicate.includes(me):
        wave = predicate.strata[me.hardware]
        rule = f"wave {wave.wave} is for a share of {wave.share:g}, {me.ecu} is not in it"
        raise targets.refuse(Reason.BAD_ECU_ID, rule)
    return target


def hardware_ids(custom: Any, me: Identity) -> list[str]:
    """Hardware ids that the image repository names for this device.

    Raises:
        RefusedError: The custom data are not of either form.
    """
    fields = Fields("targets", custom, "custom")
    if not fields.maybe("ecuIdentifiers"):
        return fields.texts("hardwareIds")
    ecus = fields.inner("ecuIdentifiers")
    return [ecus.inner(me.ecu).text("hardwareId")] if ecus.maybe(me.ecu) else []


def _check_once(targets: Document[Targets]) -> None:
    """No ECU may be ordered two images."""
    ecus = Counter(
        ecu
        for target in targets.signed.targets.values()
        if isinstance(target.custom, dict)
        and isinstance(named := target.custom.get("ecuIdentifiers"), dict)
        for ecu in named
    )
    if twice := [ecu for ecu, count in ecus.items() if count > 1]:
        raise targets.refuse(Reason.REPEATED_ECU, f"ECU {twice[0][:80]!r} is ordered two images")


def _check_ecus(targets: Document[Targets], ecus: Fields, me: Identity) -> None:
    """As a Primary: an ECU that is not in this vehicle means metadata of another one."""
    for ecu in ecus.names():
        if ecu != me.ecu:
            rule = f"is for ECU {ecu[:80]!r}, this is {me.ecu!r}"
            raise targets.refuse(Reason.BAD_ECU_ID, rule)
    if not ecus.names():
        raise targets.refuse(Reason.BAD_ECU_ID, "is for no ECU")
    if (found := ecus.inner(me.ecu).text("hardwareId")) != me.hardware:
        rule = f"is for hardware {found[:80]!r}, this is {me.hardware!r}"
        raise targets.refuse(Reason.BAD_HARDWARE_ID, rule)
