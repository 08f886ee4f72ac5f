"""A model on trial shows by known inputs that it answers here as it did where it was judged."""

from typing import Final
from weakref import WeakKeyDictionary

from producers.device.engine import Engine, EngineError
from schemas.known_inputs import KnownInputs

RIGHT_SHARE: Final = 0.75
"""Each was answered rightly by a margin when it was signed; how good a model is others judge."""


class Known:
    """Asks each loaded model once: the same file may run rightly here and wrongly there."""

    def __init__(self, known: KnownInputs) -> None:
        self._known = known
        self._asked: WeakKeyDictionary[Engine, bool] = WeakKeyDictionary()

    def answered_by(self, engine: Engine) -> bool:
        """Whether a model answers enough of them rightly."""
        if engine not in self._asked:
            self._asked[engine] = self._ask(engine)
        return self._asked[engine]

    def _ask(self, engine: Engine) -> bool:
        try:
            answers = engine.answer(list(self._known.inputs))
        except EngineError:
            return False
        said = [engine.classes[top1] for top1 in answers.top1]
        right = sum(one == name for one, name in zip(said, self._known.names, strict=True))
        return right >= RIGHT_SHARE * len(said)
