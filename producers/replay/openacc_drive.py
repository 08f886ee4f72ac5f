"""What follows from the samples of one car in one run: acceleration, time gap, who took over."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

CONTROLS: Final[Mapping[str, str]] = {"ACC": "ACC", "Human": "MANUAL"}
"""Modes by what the column `driver` says."""
STEP_US: Final = 100_000
CONTEXT_US: Final = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One car at one moment; None: not recorded. Positions in a local plane, degrees, metres."""

    device_id: str
    run: str
    at_us: int
    position: int
    speed_mps: float | None
    lat: float | None
    lon: float | None
    east_m: float | None
    north_m: float | None
    gap_ahead_m: float | None
    control_mode: str | None

    def fields(self) -> dict[str, Any]:
        """What a JSON line says of it."""
        names = ("run", "position", "speed_mps", "lat", "lon", "gap_ahead_m", "control_mode")
        return {name: getattr(self, name) for name in names}


Change = tuple[str, str]
"""Mode before and after."""


@dataclass(slots=True)
class Drives:
    """All cars of all runs. The same car drives in runs whose clocks overlap: kept by run."""

    _past: dict[tuple[str, str], deque[Sample]] = field(default_factory=dict)

    def observe(
        self, sample: Sample
    ) -> tuple[dict[str, float | None], Change | None, Sequence[Mapping[str, Any]] | None]:
        """Take the next sample of a car in a run.

        Returns:
            accel_mps2 and time_gap_s, null where they cannot be said; the change of mode from one
            sample to the very next; with a change the 10 s up to it.
        """
        past = self._past.setdefault((sample.run, sample.device_id), deque())
        last = past[-1] if past and sample.at_us - past[-1].at_us <= STEP_US else None
        past.append(sample)
        while sample.at_us - past[0].at_us > CONTEXT_US:
            past.popleft()
        derived = {"accel_mps2": _accel(last, sample), "time_gap_s": _time_gap(sample)}
        change = _change(last, sample)
        return derived, change, None if change is None else [_context(one) for one in past]


def _accel(last: Sample | None, now: Sample) -> float | None:
    """Difference of two neighbouring speeds; a drop-out gives none."""
    if last is None or last.speed_mps is None or now.speed_mps is None:
        return None
    return round((now.speed_mps - last.speed_mps) * 1e6 / (now.at_us - last.at_us), 3)


def _time_gap(now: Sample) -> float | None:
    """Gap by speed; none at a standstill, and none from a gap below 0, which is no gap."""
    if now.gap_ahead_m is None or now.speed_mps is None:
        return None
    if now.gap_ahead_m < 0 or now.speed_mps <= 0:
        return None
    return round(now.gap_ahead_m / now.speed_mps, 3)


def _change(last: Sample | None, now: Sample) -> Change | None:
    if last is None or last.control_mode is None or now.control_mode is None:
        return None
    if last.control_mode == now.control_mode:
        return None
    return last.control_mode, now.control_mode


def _context(one: Sample) -> Mapping[str, Any]:
    return {"event_ts": one.at_us} | one.fields()
