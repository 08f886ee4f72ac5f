"""Whose voice it is: a speaker as numbers, drawn once, and how one word differs from the next."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from producers.camera.draws import key, uniforms

_DRAWS: Final = 12
_HIGHEST_HZ: Final = 280.0


@dataclass(frozen=True, slots=True)
class Voice:
    """One speaker, or one word of hers.

    Attributes:
        pitch_hz: Mean pitch. tract: Formants are so many times those of the phone table.
        accent: Times which each of the three formants of vowels deviates besides.
        rate: Words last so many times as long. breath: Share of noise in the voice.
        tilt_hz: Where the voice's spectrum begins to fall. loudness: Root mean square of a word,
            of 32,768.
    """

    pitch_hz: float
    tract: float
    accent: tuple[float, float, float]
    rate: float
    breath: float
    tilt_hz: float
    loudness: float


def speaker(seed: int, name: str, *, studio: bool = False) -> Voice:
    """A speaker by name; `studio`: one of those a company records first, low and clear."""
    drawn = _drawn(seed, "speaker", name)
    height = 0.3 * drawn[0] if studio else drawn[0]
    return Voice(
        pitch_hz=float(90 * (_HIGHEST_HZ / 90) ** height),
        tract=float(0.92 + 0.30 * height + 0.08 * (drawn[1] - 0.5)),
        accent=tuple(float(1 + 0.16 * (one - 0.5)) for one in drawn[2:5]),  # type: ignore[arg-type] # three of them
        rate=float(0.9 + 0.2 * drawn[5] if studio else 0.75 + 0.6 * drawn[5]),
        breath=float(0.05 * drawn[6] if studio else 0.25 * drawn[6]),
        tilt_hz=float(500 + 900 * drawn[7]),
        loudness=float(1_500 + 2_500 * drawn[8]),
    )


def saying(voice: Voice, seed: int, name: str, number: int) -> Voice:
    """The voice as it says one word: nobody says it twice alike."""
    drawn = _drawn(seed, "word", name, number)
    return replace(
        voice,
        pitch_hz=float(voice.pitch_hz * (0.90 + 0.20 * drawn[0])),
        tract=float(voice.tract * (0.975 + 0.05 * drawn[1])),
        rate=float(voice.rate * (0.85 + 0.30 * drawn[2])),
        loudness=float(voice.loudness * (0.7 + 0.6 * drawn[3])),
    )


def is_high(voice: Voice) -> bool:
    """Whether it is a high voice, as of women and children."""
    return voice.pitch_hz > float(np.sqrt(90 * _HIGHEST_HZ))


def _drawn(seed: int, *name: object) -> NDArray[np.float64]:
    found: NDArray[np.float64] = uniforms(np.array([key(seed, *name)], np.uint64), _DRAWS)[0]
    return found
