"""Runs of drift on real answers: encounters drawn from a pool, 25 a look, until drift is said."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from producers.camera.camera import EncounterRequest, Light, Weather, World
from producers.camera.mix import FLEET_MIX, pick
from producers.camera.night import at_night
from producers.camera.rendered import RenderedCamera
from producers.model.runtime import Model
from schemas.references import CONFIDENCE_BINS, Reference
from streams.drift.comparison import LOOK_ENCOUNTERS, Bounds, Comparison
from streams.drift.partials import BUCKET_US, Answers

Pictures = npt.NDArray[np.uint8]
FRAMES: Final = 6
SMALL: Final = 10
DIM: Final = 0.05
NOISE: Final = 2.0
"""Standard deviation, of 255."""


@dataclass(frozen=True, slots=True)
class Pool:
    """Answers of a model to n encounters of six frames, as telemetry has them.

    Attributes:
        confidence: int64 [n, 10]. classes: int64 [n, c]. flips: int64 [n].
    """

    confidence: npt.NDArray[np.int64]
    classes: npt.NDArray[np.int64]
    flips: npt.NDArray[np.int64]

    @classmethod
    def of(cls, model: bytes, pictures: Pictures) -> "Pool":
        """The model's answers to pictures [n * 6, 32, 32, 3]."""
        prob = Model(model).run(pictures).prob
        top1 = prob.argmax(1).reshape(-1, FRAMES)
        bins = np.minimum((prob.max(1) * CONFIDENCE_BINS).astype(int), CONFIDENCE_BINS - 1)
        return cls(
            _counted(bins.reshape(-1, FRAMES), CONFIDENCE_BINS),
            _counted(top1, prob.shape[1]),
            (top1[:, 1:] != top1[:, :-1]).sum(1),
        )

    def __len__(self) -> int:
        return len(self.flips)

    def answers(self, rows: npt.NDArray[np.int64]) -> Answers:
        """What a minute of these encounters counts."""
        return Answers(
            windows=len(rows),
            frames=FRAMES * len(rows),
            flips=int(self.flips[rows].sum()),
            confidence=self.confidence[rows].sum(0),
            classes=self.classes[rows].sum(0),
        )

    def reference(self, rows: npt.NDArray[np.int64]) -> Reference:
        """What a validation of these encounters says."""
        return Reference.of(self.confidence[rows], self.classes[rows], self.flips[rows])


def announced(
    rng: np.random.Generator, usual: Pool, size: int, looks: int, look: int = LOOK_ENCOUNTERS
) -> tuple[Comparison, bool]:
    """A place after `looks` looks at `usual`, and whether drift was said in them.

    Its validation are `size` encounters of the same, a look are `look` of them.
    """
    reference = usual.reference(rng.integers(0, len(usual), size))
    place = Comparison(Bounds.of(reference))
    said = until(rng, place, usual, looks, look) is not None
    return place, said


def until(
    rng: np.random.Generator,
    place: Comparison,
    pool: Pool,
    looks: int,
    look: int = LOOK_ENCOUNTERS,
) -> int | None:
    """Looks of `look` encounters at a pool until drift is said, at most `looks`; None: never."""
    for number in range(1, looks + 1):
        rows = rng.integers(0, len(pool), look)
        place.count(pool.answers(rows), place.looks * BUCKET_US)
        if place.shift is not None:
            return number
    return None


def rendered_worlds(
    camera: RenderedCamera, count: int, names: Sequence[str] = ()
) -> dict[str, Pictures]:
    """Pictures of `count` encounters each: the fleet's mix, and single worlds; all or by name."""
    worlds = {
        "fleet mix": mixed(count),
        "city": mixed(count, ["city"]),
        "rain": [World(Weather.RAIN)] * count,
        "snow": [World(Weather.SNOW)] * count,
        "fog": [World(Weather.FOG)] * count,
        "night": [World(light=Light.NIGHT)] * count,
        "clear day": [World()] * count,
    }
    return {name: _met(camera, name, worlds[name]) for name in names or worlds}


def mixed(count: int, regions: Sequence[str] = tuple(FLEET_MIX)) -> list[World]:
    """Worlds of the fleet's mix, region by region."""
    rng = np.random.default_rng(17)
    mixes = [FLEET_MIX[region] for region in regions]
    return [pick(mixes[at % len(mixes)], rng.random()) for at in range(count)]


def recorded_worlds(pictures: Pictures) -> dict[str, Pictures]:
    """Recorded pictures [n * 6, 32, 32, 3] as they are, in the dark, and from farther away.

    Dark is a twentieth of the light with the noise of a sensor on it. Without noise the features,
    which know no brightness, see the same sign: nothing drifts, and nothing may be said.
    """
    noise = np.random.default_rng(23).normal(0.0, NOISE, pictures.shape)
    dim = np.clip(pictures * DIM + noise, 0, 255).astype(np.uint8)
    return {
        "as recorded": pictures,
        "dark": dim,
        "dark without noise": at_night(pictures, np.full(len(pictures), 0.5)),
        "small": np.stack([_small(one) for one in pictures]),
    }


def told(found: list[int | None]) -> Mapping[str, Any]:
    """Share announced, and median and 95th percentile of looks, of runs."""
    seen = sorted(one for one in found if one is not None)
    whole = [*seen, *([np.inf] * (len(found) - len(seen)))]
    places = {"median": 0.5, "p95": 0.95}
    looks = {name: whole[int(share * (len(whole) - 1))] for name, share in places.items()}
    return {
        "announced": len(seen) / len(found),
        **{name: None if np.isinf(at) else int(at) for name, at in looks.items()},
    }


def _met(camera: RenderedCamera, name: str, worlds: list[World]) -> Pictures:
    asks = [EncounterRequest(f"drift {name}", at, world) for at, world in enumerate(worlds)]
    return np.concatenate([one.frames for one in camera.encounters(asks)])


def _small(picture: Pictures) -> Pictures:
    """The same sign where it covers a third of the pixels, cut out and enlarged by the camera."""
    image = Image.fromarray(picture)
    far = image.resize((SMALL, SMALL), Image.Resampling.BOX)
    return np.asarray(far.resize(image.size, Image.Resampling.BILINEAR))


def _counted(values: npt.NDArray[Any], size: int) -> npt.NDArray[np.int64]:
    rows = np.arange(len(values))[:, None]
    flat = np.bincount((rows * size + values).ravel(), minlength=len(values) * size)
    counted: npt.NDArray[np.int64] = flat.reshape(len(values), size).astype(np.int64)
    return counted
