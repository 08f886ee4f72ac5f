"""The catalogue file: what it gives, and what is told when it is wrong."""

from pathlib import Path

import pytest

from schemas.catalogue import CATALOGUE, load_catalogue
from schemas.records import DeviceClass


def test_the_packaged_catalogue_knows_the_demo_fleet_and_what_is_not_stated() -> None:
    assert {"HW3", "HW4", "AI5", "OPTIMUS_G2", "NOT_STATED"} <= set(CATALOGUE.hardware)
    assert "NOT_STATED" in CATALOGUE.regions
    assert CATALOGUE.hardware["OPTIMUS_G2"].device_class is DeviceClass.ROBOT
    assert CATALOGUE.hardware["HW3"].latency_factor > CATALOGUE.hardware["AI5"].latency_factor


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("regions: [city]", "its keys are hardware and regions"),
        ("[]", "its keys are hardware and regions"),
        (
            "hardware: {H: {device_class: SHIP, latency_factor: 1, deadline_us: 1}}\nregions: []",
            "hardware H: device_class 'SHIP'",
        ),
        (
            "hardware: {H: {device_class: ROBOT, latency_factor: 0, deadline_us: 1}}\nregions: []",
            "latency_factor 0.0 is not above 0",
        ),
        (
            "hardware: {H: {device_class: ROBOT, latency_factor: 1, deadline_us: 0}}\nregions: []",
            "deadline_us 0 is not a whole number above 0",
        ),
        ("hardware: {H: {device_class: ROBOT}}\nregions: []", "hardware H: its keys are"),
    ],
)
def test_a_wrong_catalogue_is_refused(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "catalogue.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=told):
        load_catalogue(path)
