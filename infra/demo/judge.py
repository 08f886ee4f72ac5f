"""Judges the releases on pictures that were held back from training and from choosing."""

from collections.abc import Mapping
from typing import Final

from infra.demo.report import Judged
from infra.objects import ObjectStore
from producers.camera.camera import Camera
from producers.evaluation import compare, evaluate
from schemas.decisions import ReleaseBook

_SEED: Final = 99
_ENCOUNTERS: Final = 400


class Judge:
    """Evaluates every release of a book on one held-back set.

    Args:
        camera: Gives the held-back pictures. objects: Holds the model files.
    """

    def __init__(self, camera: Camera, objects: ObjectStore) -> None:
        self._held_back = camera.held_back(_SEED, _ENCOUNTERS)
        self._objects = objects

    def judge(self, book: ReleaseBook) -> Mapping[str, Judged]:
        """Accuracy of each release and its gain over its parent, with 95 % intervals."""
        models = {
            name: self._objects.get(view.proposal.artifact.uri, digest=view.digest)
            for name, view in book.releases.items()
            if view.proposal.artifact is not None
        }
        judged = {}
        for name, model in models.items():
            parent = models.get(book.releases[name].proposal.parent_release_id or "")
            gain = None if parent is None else compare(model, parent, self._held_back)
            judged[name] = Judged(evaluate(model, self._held_back), gain)
        return judged
