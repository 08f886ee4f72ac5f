"""What the examples of all records share."""

from typing import Any, Final

from schemas import records

STAMP_US: Final = 1_763_769_660_000_000
"""A broker's stamp at which all examples are valid: 2025-11-22 00:01 UTC."""
MINUTE_US: Final = 60_000_000
WINDOW_START_US: Final = STAMP_US - MINUTE_US
DIGEST: Final = "ab" * 32
DEVICE: Final = "dev-000001"


def common(event_id: str) -> dict[str, Any]:
    """The fields of every record."""
    return {"event_id": event_id, "source": "simulated"}


def from_device() -> dict[str, Any]:
    """The fields of every record that a device writes."""
    return {
        **common(f"{DEVICE}/1763769000/1"),
        "device_id": DEVICE,
        "device_class": records.DeviceClass.VEHICLE,
        "hardware": "HW3",
        "region": "city",
    }
