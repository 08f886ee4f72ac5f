"""A small world and a small model that the tests of producers share."""

import numpy as np
import pytest

from producers.camera.rendered import RenderedCamera
from producers.model.training import fit


@pytest.fixture(scope="session")
def camera() -> RenderedCamera:
    return RenderedCamera(seed=11)


@pytest.fixture(scope="session")
def small_model(camera: RenderedCamera) -> bytes:
    """Trained on 60 encounters: far from good, far from chance."""
    drive = camera.seed(60)
    pictures = np.concatenate([one.frames for one in drive])
    labels = np.array([one.label for one in drive], np.int64).repeat(6)
    weights = np.ones(len(labels), np.float32)
    return fit(pictures, labels, weights, camera.classes, "dataset-1", seed=1)
