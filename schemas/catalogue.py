"""The catalogue: the hardware generations and regions that records may name."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from schemas.records.enums import DeviceClass

PACKAGED: Final = Path(__file__).parent / "catalogue.yaml"
NOT_STATED: Final = "NOT_STATED"
"""Hardware and region of recorded data that does not tell them."""
_HARDWARE_KEYS: Final = frozenset({"device_class", "latency_factor", "deadline_us"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """One hardware generation.

    Attributes:
        latency_factor: How many times longer than on the reference core an inference takes.
        deadline_us: How long one inference may take, microseconds.
    """

    name: str
    device_class: DeviceClass
    latency_factor: float
    deadline_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Known hardware generations by name, and known regions."""

    hardware: Mapping[str, Hardware]
    regions: tuple[str, ...]


def load_catalogue(path: Path = PACKAGED) -> Catalogue:
    """Read a catalogue file.

    Raises:
        ValueError: A key is missing or unknown, or a value breaks its rule; the message names it.
    """
    raw = yaml.safe_load(path.read_text("utf-8"))
    if not isinstance(raw, dict) or set(raw) != {"hardware", "regions"}:
        raise ValueError(f"catalogue {path.name}: its keys are hardware and regions")
    hardware = {
        str(name): _hardware(path.name, str(name), row) for name, row in raw["hardware"].items()
    }
    return Catalogue(hardware=hardware, regions=tuple(str(name) for name in raw["regions"]))


def _hardware(file: str, name: str, row: Mapping[str, Any]) -> Hardware:
    where = f"catalogue {file}: hardware {name}"
    if set(row) != _HARDWARE_KEYS:
        raise ValueError(f"{where}: its keys are {sorted(_HARDWARE_KEYS)}, not {list(row)}")
    if row["device_class"] not in set(DeviceClass) - {DeviceClass.UNKNOWN}:
        raise ValueError(f"{where}: device_class {row['device_class']!r} is not VEHICLE or ROBOT")
    factor = float(row["latency_factor"])
    if not factor > 0:
        raise ValueError(f"{where}: latency_factor {factor} is not above 0")
    deadline_us = row["deadline_us"]
    if not isinstance(deadline_us, int) or deadline_us < 1:
        raise ValueError(f"{where}: deadline_us {deadline_us!r} is not a whole number above 0")
    return Hardware(
        name=name,
        device_class=DeviceClass(row["device_class"]),
        latency_factor=factor,
        deadline_us=deadline_us,
    )


CATALOGUE: Final = load_catalogue()
