"""The recorded camera: real pictures of real signs, each track met by devices as an encounter."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from producers.camera.camera import (
    CameraError,
    Encounter,
    EncounterRequest,
    HeldBack,
    Light,
    encounter_id,
    parse_encounter_id,
)
from producers.camera.deal import deal
from producers.camera.draws import key, uniforms
from producers.camera.looks import keys_of
from producers.camera.night import at_night
from producers.camera.recording import Track, read_recording
from producers.camera.rendered import TEST_DRIVE
from schemas.film_strips import Pictures
from schemas.tasks import ROAD_SIGNS

NIGHT_SHARE: Final = 0.10
"""Of the held-back encounters."""
_MIN_TRACKS: Final = 10


class RecordedCamera:
    """Tracks are dealt once, by hash: held back, test drive, and the stream that the fleet meets.

    The weather is as it was recorded; night is made by exposing the same pictures less. Of up to
    three classes the test drive has nothing, of up to five others a single track.

    Args:
        path: See `recording.read_recording`.
        seed: Deals the tracks and says which device meets which.
        frames: Frames of an encounter; shorter tracks show a frame twice.

    Raises:
        CameraError: The recording is not usable.
    """

    task = ROAD_SIGNS

    def __init__(self, path: Path, seed: int, frames: int = 6) -> None:
        if frames < 1:
            raise ValueError(f"frames of an encounter: {frames}; must be at least 1")
        recording = read_recording(path)
        self._seed = seed
        self._frames = frames
        self._images = recording.images
        self.classes = recording.classes
        if (found := len(recording.tracks)) < _MIN_TRACKS:
            raise CameraError(f"{path}: {found} tracks; at least {_MIN_TRACKS} are needed")
        sides = deal(recording.tracks, len(self.classes), seed)
        self._held_back, self._test_drive = sides.held_back, sides.test_drive
        self._stream = sides.stream

    def encounters(self, requests: Sequence[EncounterRequest]) -> list[Encounter]:
        """Picture encounters, in the order asked."""
        return [self._encounter(ask, self._met(ask)) for ask in requests]

    def truth(self, encounter_id: str) -> str:
        """Class name of an encounter of the fleet.

        Raises:
            CameraError: The id is not <device_id>/<number>.
        """
        return self.classes[self._met(EncounterRequest(*parse_encounter_id(encounter_id))).label]

    def seed(self, encounters: int) -> list[Encounter]:
        """The test drive, by day."""
        return [
            self._encounter(EncounterRequest(TEST_DRIVE, number), track)
            for number, track in enumerate(self._test_drive[:encounters])
        ]

    def held_back(self, seed: int, encounters: int) -> HeldBack:
        """Tracks that neither fleet nor test drive ever meets, some of them by night."""
        chosen = sorted(self._held_back, key=lambda track: key(seed, track.name))[:encounters]
        nights = round(NIGHT_SHARE * len(chosen))
        lights = [Light.NIGHT if index < nights else Light.DAY for index in range(len(chosen))]
        images = [
            self._pictures(track, light, 0.5) for track, light in zip(chosen, lights, strict=True)
        ]
        labels = np.array([track.label for track in chosen], np.int64)
        return HeldBack(
            frames=np.concatenate(images),
            labels=labels.repeat(self._frames),
            groups=np.arange(len(chosen), dtype=np.int64).repeat(self._frames),
            classes=self.classes,
            slices=tuple({"light": light.value} for light in lights),
        )

    def _met(self, ask: EncounterRequest) -> Track:
        drawn = float(uniforms(keys_of(self._seed, [ask]), 1)[0, 0])
        return self._stream[int(drawn * len(self._stream))]

    def _encounter(self, ask: EncounterRequest, track: Track) -> Encounter:
        shade = float(uniforms(keys_of(self._seed, [ask]), 2)[0, 1])
        return Encounter(
            encounter_id(ask.device_id, ask.number),
            self._pictures(track, ask.world.light, shade),
            track.label,
            None,
            ask.world.light,
        )

    def _pictures(self, track: Track, light: Light, shade: float) -> Pictures:
        found = self._images[track.spread(self._frames)]
        return found if light is Light.DAY else at_night(found, np.full(self._frames, shade))
