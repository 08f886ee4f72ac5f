"""Pictures with known signs, by which a model on trial shows that it answers at all rightly."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from producers.device.engine import Engine, EngineError

RIGHT_SHARE: Final = 0.5
"""A model that answers fewer of them rightly is broken; how good it is others have judged."""


class KnownPictures:
    """Asks each model once.

    Args:
        pictures: uint8 [32, 32, 3] each.
        names: The class of each.
    """

    def __init__(self, pictures: Sequence[npt.NDArray[np.uint8]], names: Sequence[str]) -> None:
        self._pictures, self._names = tuple(pictures), tuple(names)
        self._asked: dict[str, bool] = {}

    def answered_by(self, engine: Engine) -> bool:
        """Whether a model answers enough of those it has a class for."""
        if engine.digest not in self._asked:
            self._asked[engine.digest] = self._ask(engine)
        return self._asked[engine.digest]

    def _ask(self, engine: Engine) -> bool:
        pairs = [
            (picture, name)
            for picture, name in zip(self._pictures, self._names, strict=True)
            if name in engine.classes
        ]
        if not pairs:
            return False
        try:
            answers = engine.answer([picture for picture, _ in pairs])
        except EngineError:
            return False
        named = [engine.classes[top1] for top1 in answers.top1]
        right = sum(found == name for found, (_, name) in zip(named, pairs, strict=True))
        return right >= RIGHT_SHARE * len(pairs)
