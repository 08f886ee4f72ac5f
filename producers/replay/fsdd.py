"""Free Spoken Digits: four people saying digits, one recording an event."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from producers.arrays import ArraysError, read_arrays
from producers.replay.events import (
    Event,
    Item,
    Note,
    ReplayError,
    event_id,
    in_time_order,
    source_of,
)
from producers.replay.tables import need

NAME: Final = "fsdd"
FILE: Final = "fsdd_subset.npz"
RATE_HZ: Final = 8_000
TEST_TAKES: Final = 5
"""Takes 0 to 4 are the source's own test split."""
_S: Final = 1_000_000
_COLUMNS: Final = ("digit", "speaker", "take")


@dataclass(frozen=True, slots=True)
class Voices:
    """All recordings.

    Attributes:
        audio: int16 [n], mono, 8 kHz. offset: int64 [recordings + 1], where each begins.
        digit, speaker, take: integers [recordings]; `speaker` is an index into `speakers`.
    """

    audio: NDArray[np.int16]
    offset: NDArray[np.int64]
    digit: NDArray[Any]
    speaker: NDArray[Any]
    take: NDArray[Any]
    speakers: tuple[str, ...]


def voices(folder: Path) -> Voices:
    """Read and check the recordings.

    Raises:
        ReplayError: The file is missing, cut off, or its arrays do not fit together.
    """
    need(folder, (FILE,))
    path = folder / FILE
    try:
        arrays = read_arrays(path, ("audio", "offset", "speakers", *_COLUMNS))
    except ArraysError as error:
        raise ReplayError(str(error)) from error
    audio, offset = arrays["audio"], arrays["offset"].astype(np.int64)
    count = len(offset) - 1
    if audio.dtype != np.int16 or audio.ndim != 1:
        raise ReplayError(f"{path}: audio: {audio.dtype} {list(audio.shape)}, must be int16 [n]")
    if count < 1 or offset[0] != 0 or offset[-1] != len(audio) or (np.diff(offset) <= 0).any():
        raise ReplayError(f"{path}: offset must rise from 0 to the {len(audio)} samples of audio")
    for name in _COLUMNS:
        if arrays[name].shape != (count,):
            raise ReplayError(f"{path}: {name}: {len(arrays[name])}, must be one a recording")
    if arrays["speaker"].max() >= len(arrays["speakers"]):
        raise ReplayError(f"{path}: speaker: an index beyond {len(arrays['speakers'])} speakers")
    names = tuple(str(name) for name in arrays["speakers"])
    return Voices(audio, offset, arrays["digit"], arrays["speaker"], arrays["take"], names)


def read(folder: Path) -> Iterator[Item]:
    """Recordings by time: each speaker says one after the other, all from 1970 on.

    The source tells no time, and the digit said is the truth, which is not replayed.

    Raises:
        ReplayError: As `voices`.
    """
    yield from in_time_order(_all(voices(folder)))


def _all(found: Voices) -> Iterator[Item]:
    said: dict[str, int] = {}
    for place, speaker in enumerate(found.speaker.tolist()):
        device = f"fsdd/{found.speakers[speaker]}"
        first, end = int(found.offset[place]), int(found.offset[place + 1])
        before = said.get(device, 0)
        said[device] = before + end - first
        yield Event(
            at_us=before * _S // RATE_HZ,
            kind="recording",
            file=FILE,
            row=place + 1,
            body={
                "event_id": event_id(device, place + 1),
                "source": source_of(NAME),
                "device_id": device,
                "samples": end - first,
                "rate_hz": RATE_HZ,
                "audio_digest": hashlib.sha256(found.audio[first:end].tobytes()).hexdigest(),
                "split": "test" if found.take[place] < TEST_TAKES else "train",
            },
        )
    yield Note("seconds of speech", round(len(found.audio) / RATE_HZ, 1))
    yield Note("speakers", len(said))
