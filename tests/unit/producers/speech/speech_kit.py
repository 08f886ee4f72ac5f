"""A small set of recordings in the form of the Free Spoken Digits, said by the synthesiser."""

from pathlib import Path
from typing import Any

import numpy as np

from producers.speech.phones import DIGITS
from producers.speech.synthesis import say
from producers.speech.voices import saying, speaker

SPEAKERS = ("ann", "ben", "cem", "dia")


def recordings(folder: Path, *, speakers: int = 4, takes: int = 2, **changes: Any) -> Path:
    """Each speaker says each digit so many times; `changes` replace arrays of the file."""
    rows = [(s, d, t) for s in range(speakers) for d in range(len(DIGITS)) for t in range(takes)]
    words = [
        np.rint(say(d, saying(speaker(5, SPEAKERS[s]), 5, SPEAKERS[s], 10 * t + d), n))
        for n, (s, d, t) in enumerate(rows)
    ]
    arrays: dict[str, Any] = {
        "audio": np.concatenate(words).astype(np.int16),
        "offset": np.cumsum([0, *map(len, words)]),
        "digit": np.array([d for _, d, _ in rows], np.uint8),
        "speaker": np.array([s for s, _, _ in rows], np.uint8),
        "take": np.array([t for _, _, t in rows], np.uint8),
        "speakers": np.array(SPEAKERS[:speakers]),
    }
    np.savez(folder / "fsdd_subset.npz", **(arrays | changes))
    return folder
