"""The ten digits as sequences of English sounds, each a row of numbers for a formant synthesiser.

Vowels: mean formants of men, Peterson and Barney (1952). Consonants: rounded after Klatt (1980).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Phone:
    """One sound.

    Attributes:
        formants: Of the vocal tract, Hz.
        voiced: Strength of the voice. noise: of friction around `noise_hz`. Both 0 to 1.
        ms: How long it lasts.
    """

    formants: tuple[float, float, float]
    voiced: float
    noise: float
    noise_hz: float
    ms: float


_P: Final[Mapping[str, Phone]] = {
    "IY": Phone((270, 2290, 3010), 1.0, 0.0, 0, 130),
    "IH": Phone((390, 1990, 2550), 1.0, 0.0, 0, 90),
    "EH": Phone((530, 1840, 2480), 1.0, 0.0, 0, 110),
    "AH": Phone((640, 1190, 2390), 1.0, 0.0, 0, 110),
    "AA": Phone((730, 1090, 2440), 1.0, 0.0, 0, 120),
    "AO": Phone((570, 840, 2410), 1.0, 0.0, 0, 150),
    "OW": Phone((500, 900, 2300), 1.0, 0.0, 0, 90),
    "UW": Phone((300, 870, 2240), 1.0, 0.0, 0, 150),
    "W": Phone((290, 610, 2150), 0.6, 0.0, 0, 70),
    "R": Phone((420, 1300, 1600), 0.7, 0.0, 0, 80),
    "N": Phone((250, 1400, 2600), 0.4, 0.0, 0, 80),
    "V": Phone((220, 1100, 2080), 0.35, 0.08, 3000, 60),
    "Z": Phone((240, 1380, 2580), 0.3, 0.25, 3600, 90),
    "S": Phone((320, 1390, 2530), 0.0, 0.5, 3700, 110),
    "F": Phone((340, 1100, 2080), 0.0, 0.16, 3000, 100),
    "TH": Phone((320, 1290, 2540), 0.0, 0.12, 3300, 90),
    "T": Phone((400, 1600, 2600), 0.0, 0.55, 3300, 30),
    "K": Phone((300, 1990, 2850), 0.0, 0.5, 1900, 30),
    "-": Phone((350, 1500, 2500), 0.0, 0.0, 0, 55),
}

_SPELT: Final[Mapping[str, str]] = {
    "zero": "Z IY R OW UW",
    "one": "W AH N",
    "two": "T UW",
    "three": "TH R IY",
    "four": "F AO R",
    "five": "F AA IH V",
    "six": "S IH - K S",
    "seven": "S EH V AH N",
    "eight": "EH IY - T",
    "nine": "N AA IH N",
}

DIGITS: Final = tuple(_SPELT)
"""Their names, zero to nine."""


def phones(digit: int) -> tuple[Phone, ...]:
    """The sounds of a digit."""
    return tuple(_P[name] for name in _SPELT[DIGITS[digit]].split())
