"""The rollout policy: how wide, how long, how sure; read from YAML, refused when it cannot hold."""

import hashlib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from streams.rollout.metrics import SHARES, Metric
from streams.rollout.policy_faults import read_model
from streams.rollout.rules import EVERY_METRIC, MetricRules
from streams.rollout.shadow_rule import ShadowRule

_HOUR_S: Final = 3600.0
_LEAST_CEILING: Final = 0.01
_OF_FAILURE_RATE: Final = 4.0
_DAY_S: Final = 24 * _HOUR_S
Share = Annotated[float, Field(gt=0.0, le=1.0)]
Chance = Annotated[float, Field(gt=0.0, lt=0.5)]
Seconds = Annotated[float, Field(ge=0.0)]


class PolicyError(ValueError):
    """The policy cannot be used; the message names key, value and rule."""


class Policy(BaseModel):
    """Rules of a rollout. Defaults: for a fleet on the road; times are seconds of ingest time.

    Attributes:
        ceiling: p0, the share of devices that may fail, where a metric states no other.
        failure_rate: Share of updates that failed in the last 90 days; the ceiling is then
            max(1 %, four times that).
        metrics: What a release is tested by.
        shadow: What a release must show beside the live model first; None: there is no shadow.
        alpha_harm: Chance of ordering a release back that keeps to the ceiling.
        alpha_safe: Chance of passing a release that does not.
        alpha_mismatch: Chance of holding a release whose arms are as large as they should be.
        holdback: Share of each stratum that keeps the parent until COMPLETED: the control.
        rate_window_s: Calendar window of the rates; a device has at most one event in it.
        lateness_s: What is stamped so long after its window's end is not counted any more.
        waves: Cumulative share of each stratum after each wave, the last one 1.
        first_wave_devices: Devices that the first wave has at least, as far as `exposure_budget`
            allows: fewer show nothing.
        extension: Factor by which an unproven wave is widened.
        exposure_budget: Share of a stratum that may run what is not proven yet.
        minimum_devices: Decided devices a stratum needs before its next wave.
        rate_per_min: Devices of a stratum that an open wave reaches a minute, at first.
        rate_doubles_after: Each so many committed devices of it make an opening twice as fast.
        rate_limit_per_min: The fastest.
        soak_s: Least time between two waves.
        soak_km: Least distance that the release is driven for after its wave was opened, where a
            rate per distance is tested: a fleet that stands still shows nothing, however long.
        patience_s: Time after the soak in which an unproven wave waits for its devices.
        commit_timeout_s: A device that accepted and is not committed by then has failed.
        trial_timeout_s: So has one that said that it boots the release on trial, and by then
            neither that it is committed nor that it failed.
        attempts: How often a device tries, in all, what fails for a transient reason.
        monitor_s: Least time between the last wave and COMPLETED.
        rollback_settle_s: Least time before a rollback can be done: orders travel.
        rollback_deadline_s: A rollback that is not done by then has stalled.
        slo_share: A reporting window is over when a larger share of its frames is late or missing.
        windows_over: Windows over in a row that make a device fail by latency.
        windows_judged: Windows a device needs before it can pass by latency.
        kill_count: Devices with a safety reason at which the release is held without statistics.
        deferred_share: A larger share of devices that defer and do not accept raises an alert.
        progress_s: Time between two reports of stage one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    ceiling: Chance = _LEAST_CEILING
    failure_rate: Annotated[float, Field(ge=0.0, lt=0.125)] | None = None
    metrics: MetricRules = EVERY_METRIC
    shadow: ShadowRule | None = None
    alpha_harm: Chance = 0.01
    alpha_safe: Chance = 0.05
    alpha_mismatch: Chance = 0.001
    holdback: Annotated[float, Field(ge=0.0, lt=0.5)] = 0.05
    rate_window_s: Annotated[float, Field(gt=0.0)] = _DAY_S
    lateness_s: Seconds = 6 * _HOUR_S
    waves: tuple[Share, ...] = Field(default=(0.005, 0.025, 0.1, 0.5, 1.0), min_length=1)
    first_wave_devices: Annotated[int, Field(ge=1)] = 50
    extension: Annotated[float, Field(gt=1.0)] = 1.5
    exposure_budget: Share = 0.1
    minimum_devices: Annotated[int, Field(ge=1)] = 20
    rate_per_min: Annotated[int, Field(ge=1)] = 50
    rate_doubles_after: Annotated[int, Field(ge=1)] = 1_000
    rate_limit_per_min: Annotated[int, Field(ge=1)] = 1_000
    soak_s: Seconds = _DAY_S
    soak_km: Annotated[float, Field(ge=0.0)] = 500.0
    patience_s: Seconds = 3 * _DAY_S
    commit_timeout_s: Annotated[float, Field(gt=0.0)] = 3 * _DAY_S
    trial_timeout_s: Annotated[float, Field(gt=0.0)] = _HOUR_S / 2
    attempts: Annotated[int, Field(ge=1, le=30)] = 3
    monitor_s: Seconds = 7 * _DAY_S
    rollback_settle_s: Seconds = 60.0
    rollback_deadline_s: Annotated[float, Field(gt=0.0)] = 14 * _DAY_S
    slo_share: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.01
    windows_over: Annotated[int, Field(ge=1, le=255)] = 3
    windows_judged: Annotated[int, Field(ge=1, le=65_535)] = 30
    kill_count: Annotated[int, Field(ge=1)] = 1
    deferred_share: Share = 0.2
    progress_s: Annotated[float, Field(gt=0.0, le=10.0)] = 1.0

    @model_validator(mode="before")
    @classmethod
    def _ceiling_from_history(cls, values: Any) -> Any:
        if not isinstance(values, dict) or not isinstance(values.get("failure_rate"), int | float):
            return values
        if "ceiling" in values:
            raise ValueError(
                f"ceiling={values['ceiling']} and failure_rate={values['failure_rate']}: "
                "state one; the ceiling is max(1 %, four times the failure rate)"
            )
        ceiling = max(_LEAST_CEILING, _OF_FAILURE_RATE * values["failure_rate"])
        return {**values, "ceiling": ceiling}

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if list(self.waves) != sorted(set(self.waves)) or self.waves[-1] != 1.0:
            raise ValueError(f"waves={list(self.waves)} must rise and end at 1")
        if self.windows_judged < self.windows_over:
            raise ValueError(
                f"windows_judged={self.windows_judged} must not be below "
                f"windows_over={self.windows_over}: a device would pass before it can fail"
            )
        if self.rate_limit_per_min < self.rate_per_min:
            raise ValueError(
                f"rate_limit_per_min={self.rate_limit_per_min} must not be below "
                f"rate_per_min={self.rate_per_min}: no wave would ever open at that rate"
            )
        return self

    def rate(self, committed: int) -> int:
        """Devices a minute of an opening, once so many of the stratum have committed."""
        doublings = min(committed // self.rate_doubles_after, self.rate_limit_per_min.bit_length())
        return min(self.rate_per_min << doublings, self.rate_limit_per_min)

    @property
    def last_soak_s(self) -> float:
        """Least time between the last wave and COMPLETED: its soak is never the shorter one."""
        return max(self.soak_s, self.monitor_s)

    @property
    def soak_m(self) -> float:
        """Metres of a soak; a fleet that no rate is tested for need not drive."""
        return self.soak_km * 1_000.0 if any(True for _ in self.metrics.rates()) else 0.0

    @property
    def ceilings(self) -> Mapping[str, float]:
        """Share of devices that may fail, by the topic that tells of their outcomes."""
        return {
            SHARES[metric]: self.ceiling if rule.ceiling is None else rule.ceiling
            for metric, rule in self.metrics.shares()
        }

    def shadow_limit(self, latency: bool) -> float | None:
        """Share that may be bad in shadow: devices by latency, or encounters; None: not tested."""
        if self.shadow is None:
            return None
        by_latency = self.ceilings.get(SHARES[Metric.LATENCY])
        return by_latency if latency else self.shadow.disagreement

    def share(self, wave: int, devices: int = 0) -> float:
        """Cumulative share of a stratum that a wave opens; the holdback keeps the parent.

        Args:
            wave: From 0.
            devices: How many the stratum has; 0: not known, then the policy's share as it stands.
        """
        least = 0.0
        if wave == 0 and devices > 0:
            least = min(self.first_wave_devices / devices, self.exposure_budget)
        return min(max(self.waves[wave], least), self.widest)

    @property
    def widest(self) -> float:
        """Share of a stratum that may run a release before it is completed."""
        return 1.0 - self.holdback

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
        names = {
            "commit_timeout_s",
            "trial_timeout_s",
            "attempts",
            "slo_share",
            "windows_over",
            "windows_judged",
            "rate_window_s",
            "lateness_s",
            "monitor_s",
        }
        return hashlib.sha256(self.model_dump_json(include=names).encode()).hexdigest()


def load_policy(path: Path | None) -> Policy:
    """Read a policy file; None gives the defaults.

    Raises:
        PolicyError: The file cannot be read, or a key or value is wrong.
    """
    if path is None:
        return Policy()
    try:
        return read_model(path, Policy, unreadable="set policy_file")
    except ValueError as error:
        raise PolicyError(f"policy {error}") from error
