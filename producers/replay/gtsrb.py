"""GTSRB: each track is one encounter of one vehicle with one sign, frame by frame."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from numpy.typing import NDArray

from producers.arrays import ArraysError, read_arrays
from producers.camera.camera import CameraError
from producers.camera.recording import CLASSES_FILE, Track, read_recording
from producers.device.identity import fraction
from producers.replay.events import Event, Item, Note, ReplayError, event_id, source_of
from producers.replay.tables import need
from schemas.film_strips import Pictures

NAME: Final = "gtsrb"
FILE: Final = "gtsrb_tracks_6f.npz"
VEHICLES: Final = 20
FRAME_US: Final = 100_000
ENCOUNTER_US: Final = 1_000_000
"""A vehicle meets a sign each second. The source tells no time: its clock begins at 1970."""


@dataclass(frozen=True, slots=True)
class Met:
    """A track as the `number`-th encounter of a vehicle."""

    device_id: str
    number: int
    track: Track

    @property
    def encounter_id(self) -> str:
        """As devices name theirs."""
        return f"{self.device_id}/{self.number}"

    def at_us(self, frame: int) -> int:
        """When its frame is due, microseconds."""
        return self.number * ENCOUNTER_US + frame * FRAME_US


@dataclass(frozen=True, slots=True)
class Drive:
    """All tracks dealt to vehicles; `met` by time."""

    images: Pictures
    classes: tuple[str, ...]
    widths: NDArray[Any]
    heights: NDArray[Any]
    met: tuple[Met, ...]


def drive(folder: Path) -> Drive:
    """Read the pictures and deal the tracks, by hash of class and number.

    Raises:
        ReplayError: A file is missing, cut off or not what it must be.
    """
    need(folder, (FILE, CLASSES_FILE))
    try:
        recording = read_recording(folder / FILE)
        sizes = read_arrays(folder / FILE, ("orig_width", "orig_height"))
    except (CameraError, ArraysError) as error:
        raise ReplayError(str(error)) from error
    for name, column in sizes.items():
        if column.shape != (len(recording.images),):
            raise ReplayError(f"{folder / FILE}: {name}: {len(column)}, must be one a picture")
    numbers: dict[str, int] = defaultdict(int)
    met = []
    # By hash: a vehicle would meet one class after the other.
    for track in sorted(recording.tracks, key=lambda track: fraction(NAME, "order", track.name)):
        device = f"gtsrb-{int(fraction(NAME, track.name) * VEHICLES):02}"
        met.append(Met(device, numbers[device], track))
        numbers[device] += 1
    met.sort(key=lambda one: (one.number, one.device_id))
    return Drive(
        recording.images,
        recording.classes,
        sizes["orig_width"],
        sizes["orig_height"],
        tuple(met),
    )


def read(folder: Path) -> Iterator[Item]:
    """Frames of all vehicles by time, without the truth: that is what reviewers are paid for.

    Raises:
        ReplayError: As `drive`.
    """
    found = drive(folder)
    longest = max(len(one.track.rows) for one in found.met)
    # Vehicles start their n-th encounters together, so frames of one moment stand side by side.
    for _, together in groupby(found.met, key=lambda one: one.number):
        meetings = list(together)
        for frame in range(longest):
            for one in meetings:
                if frame < len(one.track.rows):
                    yield _frame(found, one, frame, int(one.track.rows[frame]))
    yield Note("tracks", len(found.met))
    yield Note("tracks with fewer frames", sum(len(one.track.rows) < longest for one in found.met))
    yield Note("classes", len(found.classes))


def _frame(found: Drive, one: Met, frame: int, row: int) -> Event:
    return Event(
        at_us=one.at_us(frame),
        kind="frame",
        file=FILE,
        row=row + 1,
        body={
            "event_id": event_id(one.device_id, row + 1),
            "source": source_of(NAME),
            "device_id": one.device_id,
            "encounter_id": one.encounter_id,
            "frame": frame,
            "picture_digest": hashlib.sha256(found.images[row].tobytes()).hexdigest(),
            "orig_width": int(found.widths[row]),
            "orig_height": int(found.heights[row]),
        },
    )
