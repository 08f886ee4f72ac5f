"""The road signs of the rendered camera: drawn once with Pillow, kept at several blurs."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

TEMPLATE: Final = 96
"""Side of a template, pixels; its outermost ring is transparent."""
BLURS: Final = (1.2, 2.4, 3.8, 5.4, 7.2)
"""Radius of the blur of each level, template pixels; one picture pixel spans about three."""

_OVERSAMPLE: Final = 4
_SIDE: Final = TEMPLATE * _OVERSAMPLE
_RED: Final = (190, 22, 32)
_BLUE: Final = (20, 70, 160)
_WHITE: Final = (238, 238, 232)
_BLACK: Final = (24, 24, 26)
_YELLOW: Final = (240, 190, 20)

Point = tuple[float, float]
Draw = Callable[[ImageDraw.ImageDraw], None]


def _at(points: Sequence[Point]) -> list[Point]:
    """From the unit square, y down, to template pixels, with a transparent border of 4 %."""
    return [((0.04 + 0.92 * x) * _SIDE, (0.04 + 0.92 * y) * _SIDE) for x, y in points]


def _polygon(draw: ImageDraw.ImageDraw, colour: tuple[int, int, int], *points: Point) -> None:
    draw.polygon(_at(points), fill=colour)


def _line(draw: ImageDraw.ImageDraw, width: float, *points: Point) -> None:
    draw.line(_at(points), fill=_BLACK, width=round(width * _SIDE), joint="curve")


def _disc(draw: ImageDraw.ImageDraw, colour: tuple[int, int, int], radius: float) -> None:
    draw.ellipse(_at([(0.5 - radius, 0.5 - radius), (0.5 + radius, 0.5 + radius)]), fill=colour)


def _text(draw: ImageDraw.ImageDraw, words: str, colour: tuple[int, int, int], size: float) -> None:
    font = ImageFont.load_default(size * _SIDE)
    width = round(0.015 * _SIDE)
    place = (_SIDE / 2, _SIDE / 2)
    draw.text(place, words, colour, font, "mm", stroke_width=width, stroke_fill=colour)


def _speed(limit: str) -> Draw:
    def paint(draw: ImageDraw.ImageDraw) -> None:
        _disc(draw, _RED, 0.5)
        _disc(draw, _WHITE, 0.38)
        _text(draw, limit, _BLACK, 0.46 if len(limit) < 3 else 0.36)

    return paint


def _stop(draw: ImageDraw.ImageDraw) -> None:
    near, far = 0.293, 0.707
    _polygon(
        draw,
        _RED,
        (near, 0),
        (far, 0),
        (1, near),
        (1, far),
        (far, 1),
        (near, 1),
        (0, far),
        (0, near),
    )
    _text(draw, "STOP", _WHITE, 0.3)


def _yield(draw: ImageDraw.ImageDraw) -> None:
    _polygon(draw, _RED, (0, 0.06), (1, 0.06), (0.5, 0.94))
    _polygon(draw, _WHITE, (0.18, 0.165), (0.82, 0.165), (0.5, 0.73))


def _no_entry(draw: ImageDraw.ImageDraw) -> None:
    _disc(draw, _RED, 0.5)
    _polygon(draw, _WHITE, (0.16, 0.41), (0.84, 0.41), (0.84, 0.59), (0.16, 0.59))


def _priority(draw: ImageDraw.ImageDraw) -> None:
    _polygon(draw, _WHITE, (0.5, 0), (1, 0.5), (0.5, 1), (0, 0.5))
    _polygon(draw, _YELLOW, (0.5, 0.15), (0.85, 0.5), (0.5, 0.85), (0.15, 0.5))


def _warning(symbol: Draw) -> Draw:
    def paint(draw: ImageDraw.ImageDraw) -> None:
        _polygon(draw, _RED, (0.5, 0.06), (1, 0.94), (0, 0.94))
        _polygon(draw, _WHITE, (0.5, 0.27), (0.83, 0.84), (0.17, 0.84))
        symbol(draw)

    return paint


def _curve(draw: ImageDraw.ImageDraw) -> None:
    _line(draw, 0.07, (0.56, 0.82), (0.56, 0.66), (0.44, 0.58), (0.46, 0.44))


def _crossing(draw: ImageDraw.ImageDraw) -> None:
    _line(draw, 0.07, (0.5, 0.42), (0.5, 0.82))
    _line(draw, 0.07, (0.34, 0.64), (0.66, 0.64))


def _danger(draw: ImageDraw.ImageDraw) -> None:
    _line(draw, 0.08, (0.5, 0.42), (0.5, 0.68))
    _line(draw, 0.08, (0.5, 0.74), (0.5, 0.81))


def _road_narrows(draw: ImageDraw.ImageDraw) -> None:
    _line(draw, 0.05, (0.34, 0.82), (0.36, 0.7), (0.45, 0.6), (0.46, 0.44))
    _line(draw, 0.05, (0.66, 0.82), (0.64, 0.7), (0.55, 0.6), (0.54, 0.44))


def _arrow(*points: Point) -> Draw:
    def paint(draw: ImageDraw.ImageDraw) -> None:
        _disc(draw, _BLUE, 0.5)
        _polygon(draw, _WHITE, *points)

    return paint


_AHEAD: Final = (
    (0.5, 0.12), (0.74, 0.4), (0.57, 0.4), (0.57, 0.86), (0.43, 0.86), (0.43, 0.4), (0.26, 0.4),
)  # fmt: skip
_RIGHT: Final = tuple((1 - y, x) for x, y in _AHEAD)
_LEFT: Final = tuple((y, 1 - x) for x, y in _AHEAD)

_SIGNS: Final[dict[str, tuple[float, Draw]]] = {
    "speed limit 50": (1.0, _speed("50")),
    "yield": (0.8, _yield),
    "priority road": (0.72, _priority),
    "speed limit 30": (0.66, _speed("30")),
    "stop": (0.46, _stop),
    "speed limit 70": (0.5, _speed("70")),
    "keep straight": (0.44, _arrow(*_AHEAD)),
    "general danger": (0.4, _warning(_danger)),
    "speed limit 100": (0.3, _speed("100")),
    "keep right": (0.34, _arrow(*_RIGHT)),
    "no entry": (0.3, _no_entry),
    "crossing": (0.26, _warning(_crossing)),
    "speed limit 120": (0.22, _speed("120")),
    "curve": (0.2, _warning(_curve)),
    "keep left": (0.16, _arrow(*_LEFT)),
    "road narrows": (0.14, _warning(_road_narrows)),
}

CLASSES: Final = tuple(_SIGNS)
_WEIGHTS: Final = np.array([share for share, _ in _SIGNS.values()])
SHARES: Final[NDArray[np.float64]] = _WEIGHTS / _WEIGHTS.sum()
"""How often each sign stands at the road: a long tail, 7 to 1."""


@cache
def templates() -> NDArray[np.uint32]:
    """All signs as uint32 [classes, levels, TEMPLATE x TEMPLATE]; each number is four bytes RGBA.

    Colours are premultiplied by alpha, so that blurring does not pull in the dark border.
    """
    levels = [_levels(paint) for _, paint in _SIGNS.values()]
    return np.stack(levels).view(np.uint32)[..., 0].reshape(len(CLASSES), len(BLURS), -1)


def _levels(paint: Draw) -> NDArray[np.uint8]:
    sharp = Image.new("RGBA", (_SIDE, _SIDE))
    paint(ImageDraw.Draw(sharp))
    small = np.asarray(sharp.resize((TEMPLATE, TEMPLATE), Image.Resampling.BOX), np.float32)
    small[..., :3] *= small[..., 3:] / 255
    flat = Image.fromarray(small.round().astype(np.uint8), "RGBA")
    blurred = [np.asarray(flat.filter(ImageFilter.GaussianBlur(blur))) for blur in BLURS]
    levels = np.stack(blurred)
    # A look-up beyond the template is clipped to its border, which must show the background.
    levels[:, [0, -1]] = 0
    levels[:, :, [0, -1]] = 0
    return levels
