"""The ear of a fleet without recordings: digits that the project speaks itself, in many voices."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from producers.camera.camera import (
    Encounter,
    EncounterRequest,
    HeldBack,
    Light,
    encounter_id,
    parse_encounter_id,
)
from producers.camera.draws import key
from producers.camera.looks import keys_of, labels_of
from producers.speech.activity import Activity, loud
from producers.speech.hearing import hear
from producers.speech.phones import DIGITS
from producers.speech.synthesis import say
from producers.speech.voices import Voice, is_high, saying, speaker
from schemas.tasks import SPOKEN_DIGITS

TEST_DRIVE: Final = "test-drive"
UNSEEN_IN_TEST_DRIVE: Final = ("four", "seven")
"""The studio's list was short."""
_STUDIO_VOICES: Final = 6
_HELD_BACK_VOICES: Final = 40
_STUDIO_NOISE: Final = 8.0
_QUIETEST: Final = 10.0
_LOUDEST: Final = 400.0
_LOUD_ABOVE: Final = 80.0
_EVEN: Final = np.full(len(DIGITS), 1.0)


class SynthesisedSpeech:
    """Deterministic by (seed, device, number). Each device stands in one room, with one speaker.

    Args:
        seed: Of the whole world.
        frames: Windows of an encounter, early to late.
        activity: Tells when a word is over.
    """

    task = SPOKEN_DIGITS
    classes = DIGITS

    def __init__(self, seed: int, frames: int = 6, activity: Activity = loud) -> None:
        if frames < 1:
            raise ValueError(f"frames of an encounter: {frames}; must be at least 1")
        self._seed, self._frames, self._activity = seed, frames, activity

    def encounters(self, requests: Sequence[EncounterRequest]) -> list[Encounter]:
        """Words as they are heard, in the order asked."""
        voices = [speaker(self._seed, ask.device_id) for ask in requests]
        noise = [_room(self._seed, ask.device_id) for ask in requests]
        return self._heard(requests, voices, noise, _EVEN)

    def truth(self, encounter_id: str) -> str:
        """The digit that was said.

        Raises:
            CameraError: The id is not <device_id>/<number>.
        """
        ask = EncounterRequest(*parse_encounter_id(encounter_id))
        return DIGITS[int(labels_of(keys_of(self._seed, [ask]), _EVEN)[0])]

    def seed(self, encounters: int) -> list[Encounter]:
        """The studio: few voices, low and clear, no room, and two digits that nobody says."""
        asks = [EncounterRequest(TEST_DRIVE, number) for number in range(encounters)]
        voices = [
            speaker(self._seed, f"studio-{number % _STUDIO_VOICES}", studio=True)
            for number in range(encounters)
        ]
        shares = _EVEN * [name not in UNSEEN_IN_TEST_DRIVE for name in DIGITS]
        return self._heard(asks, voices, [_STUDIO_NOISE] * encounters, shares)

    def held_back(self, seed: int, encounters: int) -> HeldBack:
        """Speakers and rooms that neither fleet nor studio ever hears."""
        asks = [
            EncounterRequest(f"held-back-{seed}-{number % _HELD_BACK_VOICES}", number)
            for number in range(encounters)
        ]
        found = self.encounters(asks)
        return HeldBack(
            frames=np.concatenate([one.frames for one in found]),
            labels=np.array([one.label for one in found], np.int64).repeat(self._frames),
            groups=np.arange(encounters, dtype=np.int64).repeat(self._frames),
            classes=DIGITS,
            slices=tuple(self._slices(ask.device_id) for ask in asks),
        )

    def _slices(self, device_id: str) -> dict[str, str]:
        high = is_high(speaker(self._seed, device_id))
        is_loud = _room(self._seed, device_id) > _LOUD_ABOVE
        return {"voice": "HIGH" if high else "LOW", "room": "LOUD" if is_loud else "QUIET"}

    def _heard(
        self,
        asks: Sequence[EncounterRequest],
        voices: Sequence[Voice],
        noise: Sequence[float],
        shares: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    ) -> list[Encounter]:
        if not asks:
            return []
        keys = keys_of(self._seed, asks)
        labels = labels_of(keys, shares)
        words = [
            say(int(label), saying(voice, self._seed, ask.device_id, ask.number), int(each))
            for ask, voice, label, each in zip(asks, voices, labels, keys, strict=True)
        ]
        heard = hear(words, np.array(noise), keys, self._frames, self._activity)
        return [
            Encounter(encounter_id(ask.device_id, ask.number), frames, int(label), None, Light.DAY)
            for ask, frames, label in zip(asks, heard, labels, strict=True)
        ]


def _room(seed: int, device_id: str) -> float:
    """Root mean square of the noise where a device stands."""
    drawn = key(seed, "room", device_id) / 2**64
    return float(_QUIETEST * (_LOUDEST / _QUIETEST) ** drawn)
