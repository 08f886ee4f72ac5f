"""The wave predicate: for whom the Director's target is, so that one file serves the whole fleet.

Canonical JSON has no fractions, so a share is the decimal text of the number the gate decided:
every device compares with exactly that number.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from producers.device.trust.shapes import Fields
from schemas.cohorts import membership

_SHARE: Final = re.compile(r"0(?:\.\d{1,400})?|1(?:\.0)?")
_NETWORK: Final = re.compile(r"[A-Za-z]{1,16}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who a device is, to a repository.

    Attributes:
        ecu: Its id: the ECU identifier of Uptane, the device_id of everything else here.
        hardware: Its hardware id: the generation, which is its stratum.
    """

    ecu: str
    hardware: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wave:
    """Whom of a stratum a target is for: those below a cumulative share of the cohort order."""

    wave: int
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicate:
    """Whom a target is for, and what must hold before it is installed.

    Attributes:
        release_id: The release.
        salt: Salt of its cohorts.
        strata: Open wave by hardware generation.
        parked, min_state_of_charge, network: Preconditions, as in the release's proposal.
    """

    release_id: str
    salt: str
    strata: Mapping[str, Wave]
    parked: bool
    min_state_of_charge: float
    network: str

    def includes(self, me: Identity) -> bool:
        """Whether the target is for this device now."""
        wave = self.strata.get(me.hardware)
        return wave is not None and membership(self.salt, me.ecu) < wave.share

    def to_custom(self) -> dict[str, Any]:
        """As it stands in a target's `custom.release`."""
        return {
            "release_id": self.release_id,
            "salt": self.salt,
            "strata": {
                name: {"wave": wave.wave, "share": _text(wave.share)}
                for name, wave in sorted(self.strata.items())
            },
            "preconditions": {
                "parked": self.parked,
                "min_state_of_charge": _text(self.min_state_of_charge),
                "network": self.network,
            },
        }


def from_custom(custom: Any) -> Predicate:
    """Read a predicate of the Director.

    Raises:
        RefusedError: A field is missing or wrong; the rule names it.
    """
    fields = Fields("targets", custom, "custom.release")
    strata, needs = fields.inner("strata"), fields.inner("preconditions")
    needs.flag("parked")
    return Predicate(
        release_id=fields.text("release_id"),
        salt=fields.text("salt"),
        strata={name: _wave(strata.inner(name)) for name in strata.names()},
        parked=bool(custom["preconditions"]["parked"]),
        min_state_of_charge=float(needs.text("min_state_of_charge", _SHARE)),
        network=needs.text("network", _NETWORK),
    )


def _wave(fields: Fields) -> Wave:
    return Wave(wave=fields.number("wave", 0), share=float(fields.text("share", _SHARE)))


def _text(fraction: float) -> str:
    """The shortest decimal text that reads back as exactly this number, without an exponent."""
    return format(Decimal(repr(fraction)), "f")
