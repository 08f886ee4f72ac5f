"""The camera of a scenario, opened: rendered, or recorded pictures by path."""

from pathlib import Path

from producers.camera.camera import Camera
from producers.scenario import Scenario


def open_camera(scenario: Scenario) -> Camera:
    """Open what the scenario looks through.

    Raises:
        CameraError: The recording is missing or not usable; the message names it.
    """
    frames = scenario.drive.frames_per_encounter
    if isinstance(scenario.camera, Path):
        from producers.camera.recorded import RecordedCamera  # noqa: PLC0415 - only when it is used

        return RecordedCamera(scenario.camera, scenario.seed, frames)
    from producers.camera.rendered import RenderedCamera  # noqa: PLC0415 - draws with Pillow

    return RenderedCamera(scenario.seed, frames)
