"""Scenario files: what is taken, and how what is not is named."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from producers.scenario.file import load, parse
from producers.scenario.values import ScenarioError

PLAIN: dict[str, Any] = {
    "name": "plain",
    "seed": 1,
    "devices": {"HW3": 3, "AI5": 1},
    "regions": {"city": 1},
    "weather": {"city": {"CLEAR": 1}},
}
DEMO = Path(__file__).parents[3] / "infra/demo/scenario.yaml"


def text(**changes: Any) -> str:
    return yaml.safe_dump({**PLAIN, **changes}, sort_keys=False)


def test_the_demo_plays_320_vehicles_at_two_frames_a_second() -> None:
    scenario = load(DEMO)
    assert sum(scenario.devices.values()) == 320
    assert scenario.frame_period_us == 500_000
    assert scenario.camera == "rendered"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"speed": 3}, "speed: unknown key"),
        ({"drive": {"fps": 3}}, "drive.fps: unknown key"),
        ({"seed": -1}, "seed = -1: Input should be greater than or equal to 0"),
        ({"drive": {"frames_per_second": 0}}, "drive.frames_per_second = 0: Input should be gre"),
        ({"reporting": {"window_s": 601}}, "reporting.window_s = 601: Input should be less"),
        ({"triggers": {"random_share": 1.2}}, "triggers.random_share = 1.2: Input should be less"),
        ({"devices": {"HW9": 1}}, "devices.HW9: unknown hardware generation; the catalogue has"),
        ({"devices": {"HW3": 1, "OPTIMUS_G2": 1}}, "devices: of ROBOT and VEHICLE, which run"),
        ({"devices": {"HW3": 0}}, "devices.HW3 = 0: Input should be greater than or equal to 1"),
        ({"devices": {}}, "devices = {}"),
        ({"regions": {"moon": 1}}, "region moon: not in the catalogue"),
        ({"regions": {"alps": 1}}, "weather: no mix for region alps; give one"),
        ({"weather": {"city": {"HAIL": 1}}}, "weather.city.HAIL"),
        ({"light": {"changes": [{"light": "NIGHT"}]}}, "exactly one of at_s and after"),
        ({"light": {"changes": [{"light": "DUSK", "at_s": 1}]}}, "light.changes.0.light = 'DUSK'"),
        (
            {"light": {"changes": [{"light": "NIGHT", "after": {"release": 1, "kind": "OPEN"}}]}},
            "light.changes.0.after.kind = 'OPEN'",
        ),
        ({"households": {"quiet_hours": ["25:00-6"]}}, "households.quiet_hours.0 = '25:00-6'"),
        ({"households": {"coldest_c": 70}}, "temperatures: the lower one comes first"),
        ({"households": {"temperature_c": [30, 20]}}, "temperatures: the lower one comes first"),
        ({"name": "Bad Name"}, "name = 'Bad Name'"),
    ],
)
def test_a_bad_key_or_value_is_refused_with_its_name_and_rule(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ScenarioError) as refused:
        parse(text(**changes), "scenario x.yaml")
    assert str(refused.value).startswith("scenario x.yaml: ")
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("body", "message"),
    [("a: [", "not YAML"), ("- 1", "a mapping of settings is needed"), ("{}", "name: missing")],
)
def test_what_is_no_scenario_at_all_is_refused(body: str, message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        parse(body, "scenario x.yaml")


def test_every_fault_of_a_file_is_named_at_once() -> None:
    with pytest.raises(ScenarioError) as refused:
        parse(text(seed=-1, speed=3), "x")
    assert "seed" in str(refused.value)
    assert "speed" in str(refused.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"none\.yaml.*name a readable YAML file"):
        load(tmp_path / "none.yaml")


def test_recorded_pictures_are_found_beside_the_scenario(tmp_path: Path) -> None:
    path = tmp_path / "scenario.yaml"
    path.write_text(text(camera="tracks.npz"))
    assert load(path).camera == tmp_path / "tracks.npz"


@pytest.mark.parametrize("total", [2, 3, 100, 1001])
def test_devices_are_scaled_in_proportion(total: int) -> None:
    scaled = parse(text(), "x").with_devices(total)
    assert sum(scaled.devices.values()) == total
    assert scaled.devices["HW3"] >= scaled.devices["AI5"] >= 1


def test_fewer_devices_than_generations_are_refused() -> None:
    with pytest.raises(ScenarioError, match="devices=1: at least one for each of HW3, AI5"):
        parse(text(), "x").with_devices(1)


def test_the_scenario_of_the_page_on_drift_is_one() -> None:
    page = (Path(__file__).parents[3] / "docs" / "drift.md").read_text()
    found = parse(page.split("```yaml\n")[1].split("```")[0], "docs/drift.md")
    assert [(one.region, list(one.weather)) for one in found.drift] == [("city", ["SNOW"])]
