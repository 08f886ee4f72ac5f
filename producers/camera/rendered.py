"""The rendered camera: road signs the project draws itself, with weather and night."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from producers.camera.camera import (
    Encounter,
    EncounterRequest,
    HeldBack,
    Light,
    Weather,
    World,
    encounter_id,
    parse_encounter_id,
)
from producers.camera.draws import uniforms
from producers.camera.looks import keys_of, labels_of, looks
from producers.camera.mix import FLEET_MIX, pick
from producers.camera.rendering import render
from producers.camera.signs import CLASSES, SHARES
from schemas.tasks import ROAD_SIGNS

TEST_DRIVE: Final = "test-drive"
HELD_BACK: Final = "held-back"
UNSEEN_IN_TEST_DRIVE: Final = ("stop", "speed limit 100")
"""The quarter of the test drive has neither motorways nor blind crossings."""


class RenderedCamera:
    """Deterministic by (seed, device, number); the world changes the picture, never the sign.

    Args:
        seed: Of the whole world.
        frames: Frames of an encounter, far to near.
    """

    task = ROAD_SIGNS
    classes = CLASSES

    def __init__(self, seed: int, frames: int = 6) -> None:
        if frames < 1:
            raise ValueError(f"frames of an encounter: {frames}; must be at least 1")
        self._seed = seed
        self._frames = frames

    def encounters(self, requests: Sequence[EncounterRequest]) -> list[Encounter]:
        """Picture encounters, in the order asked."""
        return self._pictured(requests, SHARES)

    def truth(self, encounter_id: str) -> str:
        """Class name of an encounter of the fleet.

        Raises:
            CameraError: The id is not <device_id>/<number>.
        """
        ask = EncounterRequest(*parse_encounter_id(encounter_id))
        return CLASSES[int(labels_of(keys_of(self._seed, [ask]))[0])]

    def seed(self, encounters: int) -> list[Encounter]:
        """The test drive: the city by day in clear weather, where two signs are never met."""
        shares = SHARES * [name not in UNSEEN_IN_TEST_DRIVE for name in CLASSES]
        asks = [EncounterRequest(TEST_DRIVE, number) for number in range(encounters)]
        return self._pictured(asks, shares)

    def held_back(self, seed: int, encounters: int) -> HeldBack:
        """Encounters of a device of their own over the fleet's mix of regions and weather."""
        regions = [list(FLEET_MIX)[number % len(FLEET_MIX)] for number in range(encounters)]
        device = f"{HELD_BACK}-{seed}"
        drawn = uniforms(keys_of(seed, [EncounterRequest(device, 0)]), encounters)[0]
        asks = [
            EncounterRequest(device, number, pick(FLEET_MIX[region], float(drawn[number])))
            for number, region in enumerate(regions)
        ]
        found = self._pictured(asks, SHARES)
        labels = np.array([one.label for one in found], np.int64)
        return HeldBack(
            frames=np.concatenate([one.frames for one in found]),
            labels=labels.repeat(self._frames),
            groups=np.arange(encounters, dtype=np.int64).repeat(self._frames),
            classes=CLASSES,
            slices=tuple(
                _slices(region, ask.world) for region, ask in zip(regions, asks, strict=True)
            ),
        )

    def _pictured(
        self, requests: Sequence[EncounterRequest], shares: NDArray[np.float64]
    ) -> list[Encounter]:
        if not requests:
            return []
        keys = keys_of(self._seed, requests)
        labels = labels_of(keys, shares)
        frames = render(looks(keys, labels, requests, self._frames))
        return [
            Encounter(
                encounter_id(ask.device_id, ask.number),
                frames[index * self._frames : (index + 1) * self._frames],
                int(labels[index]),
                ask.world.weather,
                ask.world.light,
            )
            for index, ask in enumerate(requests)
        ]


def _slices(region: str, world: World) -> dict[str, str]:
    return {"region": region, "weather": Weather(world.weather), "light": Light(world.light)}
