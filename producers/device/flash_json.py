"""The storage of devices as JSON: one device's own file, or that of a simulated fleet."""

import json
from dataclasses import asdict
from typing import Any

from producers.device.client.attempt import Attempt, Phase
from producers.device.flash import Flash, Tried
from producers.device.postponement import Consent
from producers.device.slots import Model, Slots
from producers.device.wishes import Install, Withdrawn
from schemas.records import AckState, DeviceClass, DeviceConditions, OtaAck, Preconditions, Slot


class FlashError(ValueError):
    """The storage of the devices cannot be read."""


def to_json(flashes: dict[str, Flash]) -> bytes:
    """The storage of devices, by device id."""
    return json.dumps({name: asdict(flash) for name, flash in flashes.items()}).encode()


def from_json(body: bytes) -> dict[str, Flash]:
    """Read back what `to_json` wrote.

    Raises:
        FlashError: It is not that.
    """
    try:
        content: dict[str, Any] = json.loads(body)
        return {name: _flash(flash) for name, flash in content.items()}
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise FlashError(f"storage of devices: not readable: {error!r}; remove it") from error


def _flash(content: dict[str, Any]) -> Flash:
    slots = content["slots"]
    models = {name: None if slots[name] is None else Model(**slots[name]) for name in ("a", "b")}
    return Flash(
        boot=content["boot"],
        registered_ts=content["registered_ts"],
        encounters=content["encounters"],
        slots=Slots(**models, active=Slot(slots["active"]), trial=slots["trial"]),
        tried={name: Tried(**tried) for name, tried in content["tried"].items()},
        attempt=None if content["attempt"] is None else _attempt(content["attempt"]),
        outbox=tuple(_ack(ack) for ack in content["outbox"]),
    )


def _attempt(content: dict[str, Any]) -> Attempt:
    wanted = content["wanted"]
    needs, replaces = wanted["preconditions"], wanted["replaces"]
    install = Install(
        model=Model(**wanted["model"]),
        preconditions=None if needs is None else Preconditions(**needs),
        replaces=None if replaces is None else Withdrawn(**replaces),
        way_back_of=wanted.get("way_back_of"),  # kept by an older client without it
    )
    changed = {
        "wanted": install,
        "phase": Phase(content["phase"]),
        "consent": Consent(**content["consent"]),
    }
    return Attempt(**{**content, **changed})


def _ack(content: dict[str, Any]) -> OtaAck:
    changed = {
        "device_class": DeviceClass(content["device_class"]),
        "state": AckState(content["state"]),
        "slot": Slot(content["slot"]),
        "preconditions": DeviceConditions(**content["preconditions"]),
    }
    return OtaAck(**{**content, **changed})
