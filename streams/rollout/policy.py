"""The rollout policy: how wide, how long, how sure; read from YAML, refused when it cannot hold."""

import hashlib
import math
from pathlib import Path
from typing import Annotated, Final, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

_HOUR_S: Final = 3600.0
_DAY_S: Final = 24 * _HOUR_S
Share = Annotated[float, Field(gt=0.0, le=1.0)]
Chance = Annotated[float, Field(gt=0.0, lt=0.5)]
Seconds = Annotated[float, Field(ge=0.0)]


class PolicyError(ValueError):
    """The policy cannot be used; the message names key, value and rule."""


class Policy(BaseModel):
    """Rules of a rollout. Defaults: for a fleet on the road; times are seconds of ingest time.

    Attributes:
        ceiling: p0, the share of devices that may fail.
        alpha_harm: Chance of ordering a release back that keeps to the ceiling.
        alpha_safe: Chance of passing a release that does not.
        waves: Cumulative share of each stratum after each wave, the last one 1.
        extension: Factor by which an unproven wave is widened.
        exposure_budget: Share of a stratum that may run what is not proven yet.
        minimum_devices: Decided devices a stratum needs before its next wave.
        soak_s: Least time between two waves.
        patience_s: Time after the soak in which an unproven wave waits for its devices.
        commit_timeout_s: A device that accepted and is not committed by then has failed.
        monitor_s: Least time between the last wave and COMPLETED.
        rollback_settle_s: Least time before a rollback can be done: orders travel.
        rollback_deadline_s: A rollback that is not done by then has stalled.
        slo_share: A reporting window is over when a larger share of its frames is late or missing.
        windows_over: Windows over in a row that make a device fail by latency.
        windows_judged: Windows a device needs before it can pass by latency.
        kill_count: Devices with a safety reason at which the release is held without statistics.
        progress_s: Time between two reports of stage one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    ceiling: Chance = 0.01
    alpha_harm: Chance = 0.01
    alpha_safe: Chance = 0.05
    waves: tuple[Share, ...] = Field(default=(0.005, 0.025, 0.1, 0.5, 1.0), min_length=1)
    extension: Annotated[float, Field(gt=1.0)] = 1.5
    exposure_budget: Share = 0.1
    minimum_devices: Annotated[int, Field(ge=1)] = 20
    soak_s: Seconds = _DAY_S
    patience_s: Seconds = 3 * _DAY_S
    commit_timeout_s: Annotated[float, Field(gt=0.0)] = 3 * _DAY_S
    monitor_s: Seconds = 7 * _DAY_S
    rollback_settle_s: Seconds = 60.0
    rollback_deadline_s: Annotated[float, Field(gt=0.0)] = 14 * _DAY_S
    slo_share: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.01
    windows_over: Annotated[int, Field(ge=1, le=255)] = 3
    windows_judged: Annotated[int, Field(ge=1, le=65_535)] = 30
    kill_count: Annotated[int, Field(ge=1)] = 1
    progress_s: Annotated[float, Field(gt=0.0, le=10.0)] = 1.0

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if list(self.waves) != sorted(set(self.waves)) or self.waves[-1] != 1.0:
            raise ValueError(f"waves={list(self.waves)} must rise and end at 1")
        if self.windows_judged < self.windows_over:
            raise ValueError(
                f"windows_judged={self.windows_judged} must not be below "
                f"windows_over={self.windows_over}: a device would pass before it can fail"
            )
        return self

    @property
    def last_soak_s(self) -> float:
        """Least time between the last wave and COMPLETED: its soak is never the shorter one."""
        return max(self.soak_s, self.monitor_s)

    def log_harm(self, strata: int, tests: int) -> float:
        """Log of what evidence of harm must reach: tests times strata over alpha.

        The plain Bonferroni combination: safe however the tests' clocks relate.
        """
        return math.log(tests * strata / self.alpha_harm)

    @property
    def log_safe(self) -> float:
        """Log of what evidence of safety must reach in every test."""
        return -math.log(self.alpha_safe)

    @property
    def digest(self) -> str:
        """SHA-256 of the policy's values, hex."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    @property
    def counting_digest(self) -> str:
        """SHA-256 of the values that stage one counts by, hex: another one is another count."""
        names = {"commit_timeout_s", "slo_share", "windows_over", "windows_judged"}
        return hashlib.sha256(self.model_dump_json(include=names).encode()).hexdigest()


def load_policy(path: Path | None) -> Policy:
    """Read a policy file; None gives the defaults.

    Raises:
        PolicyError: The file cannot be read, or a key or value is wrong.
    """
    if path is None:
        return Policy()
    try:
        loaded = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise PolicyError(f"policy {path}: {error.strerror}; set policy_file") from error
    except yaml.YAMLError as error:
        raise PolicyError(f"policy {path}: not YAML: {error}") from error
    if not isinstance(loaded, dict):
        raise PolicyError(f"policy {path}: must map keys to values, not {type(loaded).__name__}")
    try:
        return Policy.model_validate(loaded)
    except ValidationError as error:
        raise PolicyError(f"policy {path}: {_told(error)}") from error


def _told(error: ValidationError) -> str:
    told = []
    for one in error.errors():
        key = ".".join(str(part) for part in one["loc"])
        rule = one["msg"].removeprefix("Value error, ")
        told.append(f"{key}={one['input']!r}: {rule}" if key else rule)
    return "; ".join(told)
