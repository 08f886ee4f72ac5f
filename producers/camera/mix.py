"""The fleet's world: which weather and light each region has, for held-back sets and defaults."""

from collections.abc import Mapping
from typing import Final

from producers.camera.camera import Light, Weather, World

_N: Final = Light.NIGHT

FLEET_MIX: Final[Mapping[str, Mapping[World, float]]] = {
    "city": {World(): 0.70, World(Weather.RAIN): 0.15, World(light=_N): 0.15},
    "coast": {World(): 0.35, World(Weather.RAIN): 0.40, World(Weather.FOG): 0.25},
    "north": {World(): 0.30, World(Weather.SNOW): 0.50, World(light=_N): 0.20},
    "alps": {World(): 0.40, World(Weather.SNOW): 0.35, World(Weather.FOG): 0.25},
}


def pick(mix: Mapping[World, float], drawn: float) -> World:
    """The world of a mix at `drawn` in [0, 1)."""
    total = sum(mix.values())
    reached = 0.0
    for world, share in mix.items():
        reached += share / total
        if drawn < reached:
            return world
    return list(mix)[-1]
