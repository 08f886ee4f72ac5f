"""What a dataset line is about: it travels in the manifests' metadata, from one to the next.

Processors, trainer and command line learn from it which edge cases belong to the line and how
they are read. A line's classes and device class are not here: the manifest names its classes, and
hardware generations have a class in the catalogue.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from schemas.manifests import Manifest, ManifestError
from schemas.media import PICTURES, SOUND, Medium

KEY: Final = "task"
"""Of the manifests' metadata."""


@dataclass(frozen=True, slots=True)
class Task:
    """One kind of recognition.

    Attributes:
        medium: What its examples are.
        function: What of a device its releases change, in words.
    """

    name: str
    medium: Medium
    function: str


ROAD_SIGNS: Final = Task("road-signs", PICTURES, "road-sign recognition")
SPOKEN_DIGITS: Final = Task("spoken-digits", SOUND, "spoken-digit recognition")
TASKS: Final[Mapping[str, Task]] = {one.name: one for one in (ROAD_SIGNS, SPOKEN_DIGITS)}


def task_of(manifest: Manifest) -> Task:
    """The task of a dataset; manifests of before tasks are about road signs.

    Raises:
        ManifestError: The metadata names a task that is not known.
    """
    name = manifest.metadata.get(KEY, ROAD_SIGNS.name)
    if name not in TASKS:
        raise ManifestError(f"manifest metadata {KEY}={name[:80]!r}: must be one of {[*TASKS]}")
    return TASKS[name]
