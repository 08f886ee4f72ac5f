"""Known inputs of the tiny model of device tests, and runtimes that break it."""

from typing import Any, Final

import numpy as np

from producers.device.engine import Answers, Engine
from producers.device.trust.known import Signed
from schemas.known_inputs import KnownInputs, to_json
from tests.unit.producers.device import kit


def inputs(names: tuple[str, ...] = kit.CLASSES) -> KnownInputs:
    """A dark, a middle and a bright picture, and what the tiny model should call them."""
    grey = np.array([0, 128, 255], np.uint8)
    return KnownInputs(names, np.broadcast_to(grey[:, None, None, None], (3, 32, 32, 3)))


KNOWN: Final = to_json(inputs())
SIGNED: Final = Signed(length=len(KNOWN), digest=kit.sha(KNOWN))


class Permuted(Engine):
    """A runtime whose outputs come in another order, as a wrong driver may give them."""

    def answer(self, frames: Any) -> Answers:
        found = super().answer(frames)
        found.top1[:] = [(top1 + 1) % len(self.classes) for top1 in found.top1]
        return found
