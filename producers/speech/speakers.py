"""Who is heard where: recorded speakers dealt once, so that nobody is heard on two sides."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from producers.camera.camera import CameraError
from producers.camera.deal import short_labels
from producers.camera.draws import key
from producers.replay.fsdd import Voices
from producers.speech.phones import DIGITS

Rows = NDArray[np.int64]
"""Of the recordings."""

_FEWEST: Final = 3
"""Speakers: one held back, one for the test drive, one for the fleet."""


@dataclass(frozen=True, slots=True)
class Sides:
    """Three sides of the recordings.

    Attributes:
        held_back: For measuring alone: one speaker.
        test_drive: Labelled, for the first release: one speaker. It has nothing of the `unseen`
            digits and a single recording of each of the `scarce` ones.
        stream: What the fleet hears, by speaker.
    """

    held_back: Rows
    test_drive: Rows
    stream: tuple[Rows, ...]
    unseen: frozenset[int]
    scarce: frozenset[int]


def dealt(voices: Voices, seed: int) -> Sides:
    """Deal the speakers; seeds 0 to n (n - 1) - 1 deal n of them in all ways.

    Raises:
        CameraError: There are too few.
    """
    speakers = [int(one) for one in np.unique(voices.speaker)]
    if len(speakers) < _FEWEST:
        raise CameraError(f"recordings of {len(speakers)} speakers: at least {_FEWEST} are needed")
    turn, place = divmod(seed, len(speakers))
    held_back = speakers.pop(place)
    drives = speakers.pop(turn % len(speakers))
    unseen, scarce = short_labels(len(DIGITS), seed)
    return Sides(
        held_back=_of(voices, held_back, seed),
        test_drive=_short(_of(voices, drives, seed), voices, unseen, scarce),
        stream=tuple(_of(voices, one, seed) for one in speakers),
        unseen=unseen,
        scarce=scarce,
    )


def _of(voices: Voices, speaker: int, seed: int) -> Rows:
    """A speaker's recordings in an order of chance."""
    rows = np.flatnonzero(voices.speaker == speaker).tolist()
    return np.array(sorted(rows, key=lambda row: key(seed, "recording", row)), np.int64)


def _short(rows: Rows, voices: Voices, unseen: frozenset[int], scarce: frozenset[int]) -> Rows:
    """Without the unseen digits, and with the first recording alone of each scarce one."""
    taken: Counter[int] = Counter()
    kept = []
    for row in rows:
        digit = int(voices.digit[row])
        taken[digit] += 1
        if digit not in unseen and (digit not in scarce or taken[digit] == 1):
            kept.append(row)
    return np.array(kept, np.int64)
