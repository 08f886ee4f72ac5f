"""What robots hear: repeatable, in any batch, and nobody on two sides."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from producers.camera.camera import Camera, CameraError, EncounterRequest
from producers.camera.open import open_camera
from producers.scenario.file import load, parse
from producers.scenario.world import Microphone
from producers.speech.activity import Silero
from producers.speech.phones import DIGITS
from producers.speech.recorded import RecordedSpeech, read_voices
from producers.speech.synthesised import UNSEEN_IN_TEST_DRIVE, SynthesisedSpeech
from schemas.media import SOUND
from schemas.records import DeviceClass
from schemas.tasks import SPOKEN_DIGITS
from tests.unit.producers.speech.speech_kit import recordings

ROBOTS = Path(__file__).parents[4] / "infra/demo/robots.yaml"
ASKS = [EncounterRequest(f"robot-{n % 5}", n) for n in range(20)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recordings(tmp_path_factory.mktemp("recordings"))


Ear = Callable[[Path, int], Camera]


def synthesised(_: Path, seed: int) -> Camera:
    return SynthesisedSpeech(seed)


def recorded(folder: Path, seed: int) -> Camera:
    return RecordedSpeech(read_voices(folder), seed)


@pytest.mark.parametrize("ear", [synthesised, recorded])
def test_the_same_request_is_heard_alike_in_any_batch(ear: Ear, folder: Path) -> None:
    camera = ear(folder, 3)
    assert camera.task is SPOKEN_DIGITS
    assert camera.classes == DIGITS
    together = camera.encounters(ASKS)
    alone = [ear(folder, 3).encounters([ask])[0] for ask in reversed(ASKS)]
    for one, other in zip(together, reversed(alone), strict=True):
        assert one.encounter_id == other.encounter_id
        assert np.array_equal(one.frames, other.frames)
        assert SOUND.fits(one.frames)
        assert camera.truth(one.encounter_id) == DIGITS[one.label]


@pytest.mark.parametrize("ear", [synthesised, recorded])
def test_nothing_held_back_is_heard_elsewhere(ear: Ear, folder: Path) -> None:
    camera = ear(folder, 3)
    held = camera.held_back(99, 20)
    assert held.frames.shape == (120, *SOUND.shape)
    assert len(held.slices) == len(np.unique(held.groups)) == 20
    hidden = {frame.tobytes() for frame in held.frames}
    heard = [*camera.seed(40), *camera.encounters(ASKS)]
    assert not hidden & {frame.tobytes() for one in heard for frame in one.frames}


def test_the_studio_never_says_two_digits_and_the_fleet_does() -> None:
    camera = SynthesisedSpeech(3)
    drive = {DIGITS[one.label] for one in camera.seed(60)}
    assert drive == set(DIGITS) - set(UNSEEN_IN_TEST_DRIVE)
    met = camera.encounters([EncounterRequest("r", n) for n in range(60)])
    assert {DIGITS[one.label] for one in met} == set(DIGITS)
    assert {one.weather for one in met} == {None}


def test_twelve_seeds_deal_four_speakers_in_every_way(folder: Path) -> None:
    people, ways = read_voices(folder), set()
    for seed in range(12):
        sides = RecordedSpeech(people, seed).sides
        voice = people.speaker
        held, drives = voice[sides.held_back], voice[sides.test_drive]
        heard = [int(voice[rows][0]) for rows in sides.stream]
        assert len({int(held[0]), int(drives[0]), *heard}) == 4
        assert (held == held[0]).all()
        assert (drives == drives[0]).all()
        ways.add((int(held[0]), int(drives[0])))
    assert len(ways) == 12


def test_a_drive_lacks_a_digit_and_has_another_once(folder: Path) -> None:
    camera = RecordedSpeech(read_voices(folder), 3)
    said = [one.label for one in camera.seed(99)]
    (unseen,), (scarce,) = camera.sides.unseen, camera.sides.scarce
    assert said.count(unseen) == 0
    assert said.count(scarce) == 1
    assert len(said) == 8 * 2 + 1


def test_each_recording_of_the_stream_is_heard_once_and_by_one_speakers_robots(
    folder: Path,
) -> None:
    camera = RecordedSpeech(read_voices(folder), 3)
    met = camera.streamed(3)
    assert len(met) == 40
    assert len({one.encounter_id for one in met}) == 40
    assert len({one.encounter_id.split("/")[0] for one in met}) == 6


def test_the_same_recording_is_the_same_sound_whoever_hears_it(folder: Path) -> None:
    camera = RecordedSpeech(read_voices(folder), 3)
    met = camera.encounters([EncounterRequest(f"r{n}", n) for n in range(60)])
    kinds = {one.frames.tobytes() for one in met}
    assert len(kinds) <= 40
    assert SOUND.encode(met[0].frames)[:4] == b"RIFF"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"speakers": 2}, "of 2 speakers: at least 3"),
        ({"digit": np.full(80, 11, np.uint8)}, "digit 11: must be 0 to 9"),
        ({"audio": np.zeros(9, np.float32)}, "audio: float32"),
    ],
)
def test_recordings_that_cannot_be_used_are_named(
    changes: dict[str, object], message: str, tmp_path: Path
) -> None:
    with pytest.raises(CameraError, match=message):
        RecordedSpeech(read_voices(recordings(tmp_path, **changes)), 0)  # type: ignore[arg-type] # any of them
    with pytest.raises(CameraError, match="nowhere: no such folder"):
        read_voices(tmp_path / "nowhere")


def test_the_robots_scenario_hears(folder: Path) -> None:
    scenario = load(ROBOTS)
    assert scenario.device_class is DeviceClass.ROBOT
    assert isinstance(open_camera(scenario), SynthesisedSpeech)
    real = scenario.model_copy(update={"microphone": Microphone(speech=folder)})
    assert isinstance(open_camera(real), RecordedSpeech)


def test_a_scenarios_paths_are_beside_it(tmp_path: Path) -> None:
    text = ROBOTS.read_text().replace("synthesised\n", "voices\n", 1)
    text = text.replace("activity: energy", "activity: vad.onnx")
    (tmp_path / "robots.yaml").write_text(text)
    microphone = load(tmp_path / "robots.yaml").microphone
    assert microphone is not None
    assert (microphone.speech, microphone.voice_activity) == (
        tmp_path / "voices",
        tmp_path / "vad.onnx",
    )


def test_devices_have_a_camera_or_a_microphone() -> None:
    with pytest.raises(ValueError, match="camera and microphone: give the devices one"):
        parse(ROBOTS.read_text() + "camera: rendered\n", "robots")


def test_real_people_are_heard_with_silero_too() -> None:
    shared = Path(os.environ.get("FLEETLOOP_SHARED", Path(__file__).parents[5] / "shared"))
    data, vad = shared / "data" / "fsdd_voice", shared / "data" / "onnx_models"
    if not (data.exists() and vad.exists()):
        pytest.skip(f"needs recorded digits in {data} and Silero in {vad} (FLEETLOOP_SHARED)")
    people = read_voices(data)
    quiet = RecordedSpeech(people, 3)
    judged = RecordedSpeech(people, 3, activity=Silero(vad / "silero_vad_16k_op15.onnx"))
    pairs = zip(quiet.seed(40), judged.seed(40), strict=True)
    ends = [np.array_equal(one.frames[:, :256], other.frames[:, :256]) for one, other in pairs]
    print(f"both judges end {sum(ends)} of 40 words at the same step")  # noqa: T201 - shown with -s
    assert all(SOUND.fits(one.frames) for one in judged.seed(40))
