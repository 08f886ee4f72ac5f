"""What the devices of a scenario perceive through, opened: a camera or a microphone."""

from pathlib import Path

from producers.camera.camera import Camera
from producers.scenario.scenario import Scenario
from producers.scenario.world import Microphone


def open_camera(scenario: Scenario) -> Camera:
    """Open what the devices look through, or hear with.

    Raises:
        CameraError: The recording is missing or not usable; the message names it.
    """
    frames = scenario.drive.frames_per_encounter
    if scenario.microphone is not None:
        return _microphone(scenario.microphone, scenario.seed, frames)
    if isinstance(scenario.camera, Path):
        from producers.camera.recorded import RecordedCamera  # noqa: PLC0415 - only when it is used

        return RecordedCamera(scenario.camera, scenario.seed, frames)
    from producers.camera.rendered import RenderedCamera  # noqa: PLC0415 - draws with Pillow

    return RenderedCamera(scenario.seed, frames)


def _microphone(given: Microphone, seed: int, frames: int) -> Camera:
    from producers.speech.activity import open_activity  # noqa: PLC0415 - loads onnxruntime
    from producers.speech.recorded import RecordedSpeech, read_voices  # noqa: PLC0415 - loads scipy
    from producers.speech.synthesised import SynthesisedSpeech  # noqa: PLC0415 - loads scipy

    activity = open_activity(given.voice_activity)
    if isinstance(given.speech, Path):
        return RecordedSpeech(read_voices(given.speech), seed, frames, activity)
    return SynthesisedSpeech(seed, frames, activity)
