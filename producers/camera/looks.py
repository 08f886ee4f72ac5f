"""How an encounter looks, as numbers: what sign, how it hangs, the light, the weather's force."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from producers.camera.camera import EncounterRequest, Light, Weather
from producers.camera.draws import key, uniforms
from producers.camera.signs import BLURS, SHARES

Array = NDArray[np.float64]

_DRAWS: Final = 24
_FRAME_DRAWS: Final = 8
_LABEL: Final = 0


@dataclass(frozen=True, slots=True)
class Looks:
    """One row a frame; float64 [n] unless said. Lengths are in half pictures, colours in 0..255.

    Attributes:
        label: int64 [n]. level: int64 [n], blur level of the template.
        turn: [n, 4], the matrix from picture to sign, row by row, without the size.
        centre: [n, 2]. size: Half the sign's width.
        ground: [n, 3] colour behind the sign; slope: [n, 2] its change across and down.
        texture: Contrast of what stands behind. gain: [n, 3] of light and colour cast.
        haze, rain, snow: Force in 0..1. night: In 0..1 of the night's brightness, -1 by day.
        noise: Standard deviation of the sensor. at: [n, 3] in 0..1, places in the pattern banks.
    """

    label: NDArray[np.int64]
    level: NDArray[np.int64]
    turn: Array
    centre: Array
    size: Array
    ground: Array
    slope: Array
    texture: Array
    gain: Array
    haze: Array
    rain: Array
    snow: Array
    night: Array
    noise: Array
    at: Array


def keys_of(seed: int, requests: Sequence[EncounterRequest]) -> NDArray[np.uint64]:
    """One key for each encounter; the world is no part of it: weather never changes the sign."""
    return np.array([key(seed, ask.device_id, ask.number) for ask in requests], np.uint64)


def labels_of(keys: NDArray[np.uint64], shares: Array = SHARES) -> NDArray[np.int64]:
    """Class of each encounter, drawn by `shares`."""
    drawn = uniforms(keys, 1)[:, _LABEL]
    ends = np.cumsum(shares)
    return np.searchsorted(ends / ends[-1], drawn, side="right").astype(np.int64)


def looks(
    keys: NDArray[np.uint64],
    labels: NDArray[np.int64],
    requests: Sequence[EncounterRequest],
    frames: int,
) -> Looks:
    """The looks of `frames` frames, far to near, of each encounter, in its order."""
    still = uniforms(keys, _DRAWS).repeat(frames, 0)
    steps = np.tile(np.arange(frames, dtype=np.uint64), len(keys)) + np.uint64(1)
    with np.errstate(over="ignore"):
        moving = uniforms(keys.repeat(frames) + (steps << np.uint64(32)), _FRAME_DRAWS)
    near = np.tile(np.linspace(0, 1, frames) if frames > 1 else np.ones(1), len(keys))
    weather = np.array([ask.world.weather for ask in requests]).repeat(frames)
    dark = np.array([ask.world.light is Light.NIGHT for ask in requests]).repeat(frames)
    force = {kind: _force(weather == kind, still[:, 1]) for kind in Weather}
    fog, rain, snow = force[Weather.FOG], force[Weather.RAIN], force[Weather.SNOW]
    blur = 2.9 * (1 - near) + 1.2 * still[:, 2] - 0.5 + 0.5 * rain + 0.3 * snow + 0.5 * dark
    return Looks(
        label=labels.repeat(frames),
        level=np.clip(np.round(blur), 0, len(BLURS) - 1).astype(np.int64),
        turn=_turn(still),
        centre=0.10 * (still[:, 3:5] - 0.5) + 0.16 * (moving[:, 0:2] - 0.5),
        size=0.66 + 0.18 * near + 0.14 * (still[:, 5] - 0.5),
        ground=_ground(still, snow),
        slope=70 * (still[:, 10:12] - 0.5),
        texture=(6 + 34 * still[:, 12]) * (1 - 0.6 * fog),
        gain=_gain(still, rain, snow),
        haze=np.clip(0.10 * rain + 0.10 * snow + fog * (0.95 - 0.25 * near), 0, 0.9),
        rain=rain,
        snow=snow,
        night=np.where(dark, still[:, 17], -1.0),
        noise=2.0 + 4.0 * still[:, 18] + 3.0 * rain,
        at=moving[:, 2:5],
    )


def _force(here: NDArray[np.bool_], drawn: Array) -> Array:
    return np.where(here, 0.45 + 0.55 * drawn, 0.0)


def _turn(still: Array) -> Array:
    """Small rotation, a narrower sign when seen from the side, and some shear."""
    angle = np.deg2rad(16) * (still[:, 6] - 0.5)
    narrow = 1 + 0.3 * still[:, 7] ** 2
    shear = 0.16 * (still[:, 8] - 0.5)
    cos, sin = np.cos(angle), np.sin(angle)
    return np.column_stack([cos * narrow, sin * narrow, shear * cos - sin, cos + shear * sin])


def _ground(still: Array, snow: Array) -> Array:
    """Sky, trees, walls, and under snow more white."""
    blue = still[:, 9] * 2 - 1
    level = 40 + 150 * still[:, 13]
    tint = np.column_stack([-18 * blue, 6 * np.ones_like(blue), 22 * blue])
    return (level * (1 - 0.5 * snow) + 205 * 0.5 * snow)[:, None] + tint


def _gain(still: Array, rain: Array, snow: Array) -> Array:
    light = (0.5 + 0.75 * still[:, 14]) * (1 - 0.35 * rain) * (1 - 0.1 * snow)
    warm = 0.16 * (still[:, 15] - 0.5)
    return light[:, None] * np.column_stack([1 + warm, np.ones_like(warm), 1 - warm])
