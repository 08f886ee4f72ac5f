"""What a predicate may speak of: the device's signals at the end of an encounter."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """Signals of one device and encounter; None: not known, and no comparison with it holds.

    Attributes:
        confidence, margin, entropy: Of the frame with the smallest margin; entropy in nats.
        flips: How often the best class changed. late: Judged results over the deadline.
        top1: Name of the best class of that frame. last_top1: Of the nearest frame.
        speed_mps: Metres a second.
    """

    confidence: float
    margin: float
    entropy: float
    flips: float
    late: float
    speed_mps: float | None
    top1: str
    last_top1: str
    weather: str | None
    light: str | None
    region: str
    hardware: str
    device_class: str


TEXTS: Final = frozenset(
    {"top1", "last_top1", "weather", "light", "region", "hardware", "device_class"}
)
KINDS: Final[Mapping[str, type]] = {
    field.name: str if field.name in TEXTS else float for field in fields(Signals)
}
"""Whether a signal is a number or a text."""
