"""Embeddings as a fleet sends them: of real or rendered pictures, each as many times as needed."""

import os
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from infra.cli.output import say
from infra.learning.site import Site, recorded, rendered
from producers.camera.recording import read_recording
from producers.model.apart import fit_apart
from producers.model.runtime import Model

Embeddings = NDArray[np.float32]

SHARED: Final = Path(os.environ.get("FLEETLOOP_SHARED", Path(__file__).parents[3] / "shared"))
_AT_ONCE: Final = 512


def base() -> Embeddings:
    """float32 [n, 128] of a first release: all frames of the recorded tracks, or rendered ones."""
    tracks = SHARED / "data" / "gtsrb_tracks"
    if tracks.is_dir():
        recording = read_recording(tracks)
        return _seen(recorded(recording, 0), recording.images)
    say(f"no data set {tracks} (FLEETLOOP_SHARED): embeddings of rendered pictures")
    site = rendered(0)
    return _seen(site, np.concatenate([one.frames for one in site.met]))


def jittered(real: Embeddings, count: int, seed: int, low: float, high: float) -> Embeddings:
    """float32 [count, 128] of length 1: real ones, moved by `low` to `high` where they are not 0.

    Moved by 0.2 to 0.6, none is as near to another as a cosine of 0.995 (a distance of 0.1); the
    middle of a real track's frames is 0.6 apart.
    """
    draw = np.random.default_rng(seed)
    from_ = real[draw.integers(len(real), size=count)]
    noise = draw.normal(size=from_.shape).astype(np.float32) * (from_ > 0)
    noise *= (draw.uniform(low, high, count) / np.linalg.norm(noise, axis=1))[:, None]
    moved = np.maximum(from_ + noise.astype(np.float32), 0)
    unit: Embeddings = (moved / np.linalg.norm(moved, axis=1, keepdims=True)).astype(np.float32)
    return unit


def _seen(site: Site, pictures: NDArray[np.uint8]) -> Embeddings:
    drive = np.concatenate([one.frames for one in site.drive])
    labels = np.concatenate([np.full(len(one.frames), one.label) for one in site.drive])
    weights = np.ones(len(labels), np.float32)
    model = Model(fit_apart(drive, labels, weights, site.classes, "bench", 0))
    parts = [pictures[at : at + _AT_ONCE] for at in range(0, len(pictures), _AT_ONCE)]
    return np.concatenate([model.run(part).emb for part in parts])
