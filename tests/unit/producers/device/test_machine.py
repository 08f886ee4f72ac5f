"""What Linux shows of thermometers and batteries, believed as far as it is plausible."""

from pathlib import Path

import pytest

from producers.device.machine import Machine


def shown(root: Path, **files: str) -> Machine:
    """A sysfs with these files; two underscores are a slash."""
    for name, text in files.items():
        path = root / "class" / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    return Machine(root)


@pytest.mark.parametrize(
    ("zones", "found"),
    [
        ({}, None),
        ({"thermal_zone0": "41500"}, 41.5),
        ({"thermal_zone0": "41500", "thermal_zone1": "63000"}, 63.0),
        ({"thermal_zone0": "-274000", "thermal_zone1": "20000"}, 20.0),
        ({"thermal_zone0": "soon", "thermal_zone1": ""}, None),
        ({"cooling_device0": "9000"}, None),
    ],
)
def test_the_hottest_plausible_zone_counts(
    tmp_path: Path, zones: dict[str, str], found: float | None
) -> None:
    machine = shown(tmp_path, **{f"thermal__{name}__temp": text for name, text in zones.items()})
    assert machine.temperature_c() == found


def test_the_emptiest_battery_that_drives_the_machine_counts(tmp_path: Path) -> None:
    machine = shown(
        tmp_path,
        power_supply__AC__type="Mains",
        power_supply__AC__online="1",
        power_supply__BAT0__type="Battery",
        power_supply__BAT0__capacity="80",
        power_supply__BAT1__type="Battery",
        power_supply__BAT1__scope="System",
        power_supply__BAT1__capacity="35",
        power_supply__mouse__type="Battery",
        power_supply__mouse__scope="Device",
        power_supply__mouse__capacity="3",
    )
    assert machine.state_of_charge() == 0.35
    assert machine.senses == ["charge"]
    shown(tmp_path, power_supply__BAT1__capacity="700")
    assert machine.state_of_charge() == 0.8


def test_a_machine_without_any_measures_nothing(tmp_path: Path) -> None:
    machine = shown(tmp_path / "none")
    assert (machine.temperature_c(), machine.state_of_charge(), machine.senses) == (None, None, [])
