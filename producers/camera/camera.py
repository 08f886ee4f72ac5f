"""The contract of a camera: encounters of a device, held-back frames, the truth.

A camera pictures the world or, for devices that listen, hears it: its task says which.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from schemas.media import Frames
from schemas.tasks import Task


class CameraError(ValueError):
    """A camera's source or a question to it is not usable; the message says which and why."""


class Weather(StrEnum):
    """What is between the lens and the sign."""

    CLEAR = "CLEAR"
    RAIN = "RAIN"
    SNOW = "SNOW"
    FOG = "FOG"


class Light(StrEnum):
    """How bright the world is."""

    DAY = "DAY"
    NIGHT = "NIGHT"


@dataclass(frozen=True, slots=True)
class World:
    """What surrounds a device at an encounter."""

    weather: Weather = Weather.CLEAR
    light: Light = Light.DAY


@dataclass(frozen=True, slots=True)
class EncounterRequest:
    """One meeting to picture: the `number`-th sign that `device_id` meets, from 0."""

    device_id: str
    number: int
    world: World = World()


@dataclass(frozen=True, slots=True)
class Encounter:
    """One meeting of one device with one sign or one word.

    Attributes:
        encounter_id: <device_id>/<number>.
        frames: [n, ...] of the task's medium; pictures far to near, sound early to late.
        label: Index into the camera's classes; only seeds and held-back sets may look at it.
        weather: None when the camera cannot know it (recordings, indoors).
    """

    encounter_id: str
    frames: Frames
    label: int
    weather: Weather | None
    light: Light


@dataclass(frozen=True, slots=True)
class HeldBack:
    """Frames never used for training or choosing.

    Attributes:
        frames: [n, ...] of one medium.
        labels: int64 [n], indexes into `classes`.
        groups: int64 [n], which encounter a frame belongs to, 0 to the number of them - 1.
        slices: For each encounter its slice names and values, for example region and light.
    """

    frames: Frames
    labels: NDArray[np.int64]
    groups: NDArray[np.int64]
    classes: tuple[str, ...]
    slices: tuple[dict[str, str], ...]


class Camera(Protocol):
    """What devices look through. Deterministic by its own seed, the device and the number."""

    @property
    def task(self) -> Task:
        """What is recognised, and in which medium."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of what there is, in the order of the labels."""

    def encounters(self, requests: Sequence[EncounterRequest]) -> list[Encounter]:
        """Picture encounters, in the order asked; the same request gives the same frames."""

    def truth(self, encounter_id: str) -> str:
        """Class name of an encounter of the fleet.

        Raises:
            CameraError: The id is not <device_id>/<number>.
        """

    def seed(self, encounters: int) -> list[Encounter]:
        """The labelled test drive that release 1 is trained on: at most `encounters` of them."""

    def held_back(self, seed: int, encounters: int) -> HeldBack:
        """Frames of the fleet's world, disjoint from every encounter of fleet and test drive."""


def encounter_id(device_id: str, number: int) -> str:
    """Identity of an encounter."""
    return f"{device_id}/{number}"


def parse_encounter_id(text: str) -> tuple[str, int]:
    """Split <device_id>/<number>; the device id may hold slashes itself.

    Raises:
        CameraError: There is no number of at least 0 after the last slash.
    """
    device_id, slash, number = text.rpartition("/")
    if not (slash and device_id and number.isascii() and number.isdigit()):
        raise CameraError(f"encounter id {text!r}: not <device_id>/<number>; ask a device's own id")
    return device_id, int(number)
