"""Where a trial takes place: a labelled test drive, encounters of a fleet, and a test."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from producers.camera.camera import Encounter, EncounterRequest, HeldBack, Light
from producers.camera.deal import deal
from producers.camera.draws import key, uniforms
from producers.camera.mix import FLEET_MIX, pick
from producers.camera.recording import Recording, Track
from producers.camera.rendered import RenderedCamera
from producers.replay.fsdd import Voices
from producers.speech.recorded import RecordedSpeech
from producers.speech.synthesised import SynthesisedSpeech

DEVICES: Final = 20
_FRAMES: Final = 6
_FEW_TRACKS: Final = 15
_DRIVE: Final = 360
_MET: Final = 900
_TEST: Final = 400


@dataclass(frozen=True, slots=True)
class Site:
    """What one seed deals.

    Attributes:
        drive: Labelled; the first release is trained on it.
        met: What the fleet of DEVICES meets; the device is the first part of an encounter's id.
        test: Frames for measuring alone.
        hard: Labels that the drive lacks or is short of, or that few tracks have at all.
    """

    classes: tuple[str, ...]
    drive: tuple[Encounter, ...]
    met: tuple[Encounter, ...]
    test: HeldBack
    hard: frozenset[int]


def recorded(recording: Recording, seed: int) -> Site:
    """Tracks of a recording: each met once, by one device."""
    sides = deal(recording.tracks, len(recording.classes), seed)
    counts = np.bincount([track.label for track in recording.tracks])
    few = frozenset(np.flatnonzero(counts <= _FEW_TRACKS).tolist())
    test = [_encounter(recording, track, "test", n) for n, track in enumerate(sides.held_back)]
    return Site(
        classes=recording.classes,
        drive=tuple(
            _encounter(recording, track, "drive", n) for n, track in enumerate(sides.test_drive)
        ),
        met=tuple(
            _encounter(recording, track, f"vehicle-{n % DEVICES}", n)
            for n, track in enumerate(sides.stream)
        ),
        test=HeldBack(
            frames=np.concatenate([one.frames for one in test]),
            labels=np.array([one.label for one in test], np.int64).repeat(_FRAMES),
            groups=np.arange(len(test), dtype=np.int64).repeat(_FRAMES),
            classes=recording.classes,
            slices=tuple({} for _ in test),
        ),
        hard=few | sides.unseen | sides.scarce,
    )


def rendered(seed: int) -> Site:
    """The rendered camera: a drive by day in clear weather, a fleet in every weather."""
    camera = RenderedCamera(seed, _FRAMES)
    drive = camera.seed(_DRIVE)
    drawn = uniforms(np.array([key(seed, "pool")], np.uint64), _MET)[0]
    mixes = list(FLEET_MIX.values())
    asks = [
        EncounterRequest(f"vehicle-{n % DEVICES}", n, pick(mixes[n % len(mixes)], drawn[n]))
        for n in range(_MET)
    ]
    known = {one.label for one in drive}
    return Site(
        classes=camera.classes,
        drive=tuple(drive),
        met=tuple(camera.encounters(asks)),
        test=camera.held_back(seed, _TEST),
        hard=frozenset(range(len(camera.classes))) - known,
    )


def recorded_speech(voices: Voices, seed: int) -> Site:
    """Recorded digits, by speaker: one drives, one tests, each recording of the others once."""
    ear = RecordedSpeech(voices, seed, _FRAMES)
    return Site(
        classes=ear.classes,
        drive=tuple(ear.seed(_DRIVE)),
        met=tuple(ear.streamed(DEVICES // len(ear.sides.stream))),
        test=ear.held_back(seed, _TEST),
        hard=ear.sides.unseen | ear.sides.scarce,
    )


def synthesised_speech(seed: int) -> Site:
    """Synthesised digits: a drive in the studio, a fleet of rooms with a speaker each."""
    ear = SynthesisedSpeech(seed, _FRAMES)
    drive = ear.seed(_DRIVE)
    asks = [EncounterRequest(f"robot-{n % DEVICES}", n) for n in range(_MET)]
    return Site(
        classes=ear.classes,
        drive=tuple(drive),
        met=tuple(ear.encounters(asks)),
        test=ear.held_back(seed, _TEST),
        hard=frozenset(range(len(ear.classes))) - {one.label for one in drive},
    )


def _encounter(recording: Recording, track: Track, device_id: str, number: int) -> Encounter:
    return Encounter(
        encounter_id=f"{device_id}/{number}",
        frames=recording.images[track.spread(_FRAMES)],
        label=track.label,
        weather=None,
        light=Light.DAY,
    )
