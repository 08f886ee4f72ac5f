"""A scenario: a fleet, a release with its faults, and the policy; read from YAML like a linter."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.catalogue import load_catalogue
from streams.rollout.policy import Policy
from streams.rollout.policy_faults import read_model
from streams.rollout.simulation.delay import Delay

FOLDER: Final = Path(__file__).with_name("scenarios")
MAX_DEVICES: Final = 1_000_000
MAX_TICKS: Final = 100_000
Rate = Annotated[float, Field(ge=0.0, le=1.0)]
_STRICT: Final = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ScenarioError(ValueError):
    """The scenario cannot be played; the message names file, key, value and rule."""


class How(StrEnum):
    """How a failing device shows it."""

    REPORTED = "reported"
    SILENT = "silent"
    LATE_FRAMES = "late_frames"


class Failing(BaseModel):
    """Which devices fail under the release.

    Attributes:
        rate: Share of the devices.
        only: Strata that fail; empty: all. The others fail at `elsewhere`.
        elsewhere: Share of the devices of strata that `only` does not name.
        how: How they show it. A failure reported after the commit is a device that reverts.
        after: From accepting, or for late frames from committing, until it shows.
        by_region: Standard deviation of the logarithm of a region's rate; 0: all regions alike.
    """

    model_config = _STRICT

    rate: Rate
    only: tuple[str, ...] = ()
    elsewhere: Rate = 0.004
    how: How = How.REPORTED
    after: Delay = Delay(median_s=180.0)
    by_region: Annotated[float, Field(ge=0.0, le=2.0)] = 0.0

    def rate_in(self, stratum: str) -> float:
        """Share of a stratum's devices that fail, on average."""
        return self.rate if not self.only or stratum in self.only else self.elsewhere


class Scenario(BaseModel):
    """One scenario.

    Attributes:
        about: One line for people.
        fleet: Devices by stratum (hardware generation).
        failing: What the release does.
        accepts: From the offer until a device accepts.
        commits: From accepting until a device that does not fail commits.
        never_accepts: Share of the devices that never do.
        regions: Devices are spread evenly over so many.
        region_delay_s: Mean of a delay that all devices of a region share; 0: none.
        parent_rate: Share of devices that fail under the parent: the control's.
        judged_s: Reporting time after which a device passes by latency.
        policy: Keys of the policy of our gate; ceiling, waves and soak are everybody's.
        tick_s: Between two looks of a gate.
        horizon_s: What is not over by then has not ended.
    """

    model_config = _STRICT

    about: Annotated[str, Field(min_length=1)]
    fleet: dict[str, Annotated[int, Field(ge=1)]] = Field(min_length=1)
    failing: Failing
    accepts: Delay = Delay(median_s=14_400.0, spread=1.0)
    commits: Delay = Delay(median_s=1_800.0, spread=0.2)
    never_accepts: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    regions: Annotated[int, Field(ge=1, le=1_000)] = 8
    region_delay_s: Annotated[float, Field(ge=0.0)] = 0.0
    parent_rate: Rate = 0.004
    judged_s: Annotated[float, Field(gt=0.0)] = 3_600.0
    policy: Policy = Policy()
    tick_s: Annotated[float, Field(ge=1.0)] = 900.0
    horizon_s: Annotated[float, Field(gt=0.0)] = 45 * 86_400.0

    @model_validator(mode="after")
    def _sound(self) -> Self:
        known = load_catalogue().hardware
        if unknown := sorted(set(self.fleet) - set(known)):
            raise ValueError(f"fleet: {', '.join(unknown)} is not in the catalogue of hardware")
        if strange := sorted(set(self.failing.only) - set(self.fleet)):
            raise ValueError(f"failing.only: {', '.join(strange)} is not in the fleet")
        if (devices := sum(self.fleet.values())) > MAX_DEVICES:
            raise ValueError(f"fleet: {devices} devices are more than {MAX_DEVICES}")
        if self.tick_s >= self.horizon_s:
            raise ValueError(f"tick_s={self.tick_s:g} must be below horizon_s={self.horizon_s:g}")
        if self.horizon_s > MAX_TICKS * self.tick_s:
            raise ValueError(
                f"horizon_s={self.horizon_s:g} by tick_s={self.tick_s:g} are more than "
                f"{MAX_TICKS} ticks"
            )
        return self

    def keeps(self, stratum: str) -> bool:
        """Whether the release keeps to the ceiling there."""
        return self.failing.rate_in(stratum) <= self.policy.ceiling


def shipped() -> dict[str, Path]:
    """The scenarios that come with the project, by name."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.yaml"))}


def load_scenario(path: Path) -> Scenario:
    """Read a scenario file.

    Raises:
        ScenarioError: It cannot be read, or a key or value is wrong.
    """
    try:
        return read_model(path, Scenario, unreadable=f"shipped are {', '.join(shipped())}")
    except ValueError as error:
        raise ScenarioError(f"scenario {error}") from error
