"""From looks to pixels: signs warped over a ground, then weather, night and sensor, in numpy."""

from collections.abc import Callable
from dataclasses import fields
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from producers.camera.looks import Looks
from producers.camera.night import NIGHT_MEAN, darkened
from producers.camera.signs import TEMPLATE, templates
from schemas.film_strips import SIZE, Pictures

Floats = NDArray[np.float32]

CHUNK: Final = 128
"""Frames at a time: the arrays of one pass stay in the processor's cache."""
_PIXELS: Final = SIZE * SIZE * 3
_BANK: Final = 1 << 16
_AXIS: Final = (np.arange(SIZE, dtype=np.float32) + 0.5) / (SIZE / 2) - 1
_FOG_COLOUR: Final = np.float32(196)
_DAY_FLOOR: Final = 30.0


def render(looks: Looks) -> Pictures:
    """Draw every frame: uint8 [n, 32, 32, 3]."""
    count = len(looks.label)
    out = np.empty((count, SIZE, SIZE, 3), np.uint8)
    for start in range(0, count, CHUNK):
        rows = slice(start, start + CHUNK)
        part = Looks(**{field.name: getattr(looks, field.name)[rows] for field in fields(Looks)})
        out[rows] = _chunk(part)
    return out


def _chunk(looks: Looks) -> Pictures:
    picture = _ground(looks)
    sign = _signs(looks)
    cover = sign[..., 3:] * np.float32(1 / 255)
    picture *= 1 - cover
    picture += sign[..., :3]
    picture *= _wide(looks.gain)
    haze = _wide(looks.haze)
    picture += haze * (_FOG_COLOUR - picture)
    _weather(picture, looks)
    picture = _exposed(picture, looks)
    picture += _wide(looks.noise * np.where(looks.night < 0, 1, 0.12)) * _noise(looks.at[:, 0])
    np.clip(picture, 0, 255, out=picture)
    return picture.astype(np.uint8)


def _wide(values: NDArray[np.float64]) -> Floats:
    """[n] or [n, 3] as float32 that broadcasts over pictures."""
    return values.astype(np.float32).reshape(len(values), 1, 1, -1)


def _ground(looks: Looks) -> Floats:
    slope = looks.slope.astype(np.float32)
    plane = (
        slope[:, 0, None, None] * _AXIS[None, None, :] + slope[:, 1, None, None] * _AXIS[:, None]
    )
    plane += looks.texture.astype(np.float32)[:, None, None] * _slices(_clutter(), looks.at[:, 1])
    ground: Floats = plane[..., None] + _wide(looks.ground)
    return ground


def _signs(looks: Looks) -> Floats:
    """Premultiplied RGBA of the signs in the picture, float32 [n, 32, 32, 4]."""
    centre = looks.centre.astype(np.float32)
    across = (_AXIS[None, :] - centre[:, :1])[:, None, :]
    down = (_AXIS[None, :] - centre[:, 1:])[:, :, None]
    turn = (looks.turn / looks.size[:, None]).astype(np.float32)[:, :, None, None]
    columns = _texel(turn[:, 0] * across + turn[:, 1] * down)
    rows = _texel(turn[:, 2] * across + turn[:, 3] * down)
    kinds, levels, texels = templates().shape
    base = ((looks.label * levels + looks.level) * texels).astype(np.int32)[:, None, None]
    found = templates().reshape(kinds * levels * texels).take(base + rows * TEMPLATE + columns)
    bytes_ = np.ascontiguousarray(found).view(np.uint8)
    return bytes_.reshape(*found.shape, 4).astype(np.float32)


def _texel(place: Floats) -> NDArray[np.int32]:
    scaled = (place + 1) * np.float32(TEMPLATE / 2)
    texel: NDArray[np.int32] = np.clip(scaled, 0, TEMPLATE - 1).astype(np.int32)
    return texel


def _weather(picture: Floats, looks: Looks) -> None:
    for force, bank, colour in (
        (looks.rain, _streaks, np.float32(170)),
        (looks.snow, _flakes, np.float32(236)),
    ):
        rows = np.flatnonzero(force)
        if len(rows):
            cover = _slices(bank(), looks.at[rows, 2])[..., None] * _wide(force[rows])
            picture[rows] += cover * (colour - picture[rows])


def _exposed(picture: Floats, looks: Looks) -> Floats:
    """Night for those that have it; by day the camera opens until the picture is not dark."""
    mean = picture.mean((1, 2, 3), dtype=np.float32)
    picture *= np.maximum(1, np.float32(_DAY_FLOOR) / np.maximum(mean, 1))[:, None, None, None]
    rows = np.flatnonzero(looks.night >= 0)
    if len(rows):
        low, high = NIGHT_MEAN
        # The sensor's noise, cut off at black, adds half a step to the mean.
        picture[rows] = darkened(picture[rows], low + (high - low) * looks.night[rows])
    return picture


def _slices(bank: Floats, place: NDArray[np.float64]) -> Floats:
    """A 32 x 32 cut of a bank for each place in [0, 1)."""
    views = np.lib.stride_tricks.sliding_window_view(bank, (SIZE, SIZE))
    count = views.shape[0] * views.shape[1]
    at = (place * count).astype(np.int64)
    cut: Floats = views[at // views.shape[1], at % views.shape[1]]
    return cut


def _noise(place: NDArray[np.float64]) -> Floats:
    bank = _noise_bank()
    views = np.lib.stride_tricks.sliding_window_view(bank, _PIXELS)
    found: Floats = views[(place * len(views)).astype(np.int64)]
    return found.reshape(-1, SIZE, SIZE, 3)


@cache
def _noise_bank() -> Floats:
    return np.random.default_rng(1).standard_normal(_BANK + _PIXELS, dtype=np.float32)


@cache
def _clutter() -> Floats:
    """Soft shapes of all sizes, mean 0, spread 1: trees, walls, cars."""
    rng = np.random.default_rng(2)
    total = np.zeros((128, 128), np.float32)
    for size in (4, 8, 16, 32):
        coarse = rng.standard_normal((128 // size + 1, 128 // size + 1)).astype(np.float32)
        total += _enlarged(coarse, size)[:128, :128] * np.float32(size**0.5)
    total -= total.mean()
    total /= total.std()
    return total


def _enlarged(coarse: Floats, size: int) -> Floats:
    """Bilinear enlargement of [m, m] to [(m - 1) size, (m - 1) size]."""
    blend = np.arange(size, dtype=np.float32)[None, :, None] / np.float32(size)

    def along(values: Floats) -> Floats:
        mixed: Floats = values[:-1, None] * (1 - blend) + values[1:, None] * blend
        return mixed.reshape(-1, values.shape[1])

    return along(along(coarse).T).T


@cache
def _streaks() -> Floats:
    """Drops on their way: thin near-vertical lines, cover 0..1."""
    rng = np.random.default_rng(3)

    def stroke(bank: Floats) -> None:
        row, column = rng.integers(0, 160, 2)
        length, lean = rng.integers(8, 22), rng.choice([-0.2, 0.0, 0.2])
        steps = np.arange(length)
        bank[(row + steps) % 160, (column + lean * steps).astype(int) % 160] = rng.uniform(0.3, 0.8)

    return _strewn(420, stroke)


@cache
def _flakes() -> Floats:
    """Flakes in the air and on the sign: white discs, cover 0..1."""
    rng = np.random.default_rng(4)
    across, down = np.meshgrid(np.arange(160), np.arange(160))

    def stroke(bank: Floats) -> None:
        row, column = rng.integers(0, 160, 2)
        radius = rng.choice([1.0, 1.5, 2.2, 3.6], p=[0.5, 0.28, 0.16, 0.06])
        inside = (across - column) ** 2 + (down - row) ** 2 <= radius**2
        bank[inside] = rng.uniform(0.6, 1.0)

    return _strewn(520, stroke)


def _strewn(count: int, stroke: Callable[[Floats], None]) -> Floats:
    bank = np.zeros((160, 160), np.float32)
    for _ in range(count):
        stroke(bank)
    return bank
