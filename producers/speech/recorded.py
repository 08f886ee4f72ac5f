"""The ear of a fleet with recordings: real people saying digits, each heard in silence."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from producers.camera.camera import (
    CameraError,
    Encounter,
    EncounterRequest,
    HeldBack,
    encounter_id,
    parse_encounter_id,
)
from producers.camera.draws import key, uniforms
from producers.camera.looks import keys_of
from producers.replay.events import ReplayError
from producers.replay.fsdd import Voices, voices
from producers.speech.activity import Activity, loud
from producers.speech.hearing import hear
from producers.speech.phones import DIGITS
from producers.speech.speakers import dealt
from producers.speech.synthesised import TEST_DRIVE
from schemas.tasks import SPOKEN_DIGITS

_SILENCE: Final = 6.0
"""Root mean square of what is around a recording."""


def read_voices(folder: Path) -> Voices:
    """The recordings of a folder with fsdd_subset.npz, see `producers.replay.fsdd`.

    Raises:
        CameraError: They are not usable.
    """
    try:
        found = voices(folder)
    except ReplayError as error:
        raise CameraError(str(error)) from error
    if found.digit.min() < 0 or found.digit.max() >= len(DIGITS):
        raise CameraError(f"{folder}: digit {found.digit.max()}: must be 0 to 9")
    return found


class RecordedSpeech:
    """A device hears one speaker of the stream; the same recording is heard alike by all.

    Args:
        recorded: All speakers.
        seed: Deals the speakers and says which device hears what.
        frames: Windows of an encounter, early to late.
        activity: Tells when a word is over.

    Raises:
        CameraError: There are too few speakers.
    """

    task = SPOKEN_DIGITS
    classes = DIGITS

    def __init__(
        self, recorded: Voices, seed: int, frames: int = 6, activity: Activity = loud
    ) -> None:
        if frames < 1:
            raise ValueError(f"frames of an encounter: {frames}; must be at least 1")
        self._voices, self._seed, self._frames, self._activity = recorded, seed, frames, activity
        self.sides = dealt(recorded, seed)

    def encounters(self, requests: Sequence[EncounterRequest]) -> list[Encounter]:
        """Words as they are heard, in the order asked."""
        return self._heard((ask, self._met(ask)) for ask in requests)

    def truth(self, encounter_id: str) -> str:
        """The digit that was said.

        Raises:
            CameraError: The id is not <device_id>/<number>.
        """
        row = self._met(EncounterRequest(*parse_encounter_id(encounter_id)))
        return DIGITS[int(self._voices.digit[row])]

    def seed(self, encounters: int) -> list[Encounter]:
        """The test drive: one speaker."""
        rows = self.sides.test_drive[:encounters]
        return self._heard(
            (EncounterRequest(TEST_DRIVE, n), int(row)) for n, row in enumerate(rows)
        )

    def streamed(self, devices_a_speaker: int) -> list[Encounter]:
        """Each recording of the stream once, by one of the devices that hear its speaker."""
        return self._heard(
            (EncounterRequest(f"robot-{place}-{n % devices_a_speaker}", n), int(row))
            for place, rows in enumerate(self.sides.stream)
            for n, row in enumerate(rows)
        )

    def held_back(self, seed: int, encounters: int) -> HeldBack:
        """A speaker whom neither fleet nor test drive ever hears."""
        order = sorted(self.sides.held_back.tolist(), key=lambda row: key(seed, "test", row))
        found = self._heard(
            (EncounterRequest(f"held-back-{seed}", n), row)
            for n, row in enumerate(order[:encounters])
        )
        speaker = self._voices.speakers[int(self._voices.speaker[order[0]])]
        return HeldBack(
            frames=np.concatenate([one.frames for one in found]),
            labels=np.array([one.label for one in found], np.int64).repeat(self._frames),
            groups=np.arange(len(found), dtype=np.int64).repeat(self._frames),
            classes=DIGITS,
            slices=tuple({"speaker": speaker} for _ in found),
        )

    def _met(self, ask: EncounterRequest) -> int:
        stream = self.sides.stream
        rows = stream[key(self._seed, "speaker", ask.device_id) % len(stream)]
        drawn = float(uniforms(keys_of(self._seed, [ask]), 1)[0, 0])
        return int(rows[int(drawn * len(rows))])

    def _heard(self, met: Iterable[tuple[EncounterRequest, int]]) -> list[Encounter]:
        pairs = list(met)
        ends = self._voices.offset
        words = [self._voices.audio[ends[row] : ends[row + 1]] for _, row in pairs]
        keys = np.array([key("recording", row) for _, row in pairs], np.uint64)
        noise = np.full(len(pairs), _SILENCE)
        heard = hear(words, noise, keys, self._frames, self._activity)
        return [
            Encounter(
                encounter_id(ask.device_id, ask.number),
                frames,
                int(self._voices.digit[row]),
                None,
                ask.world.light,
            )
            for (ask, row), frames in zip(pairs, heard, strict=True)
        ]
