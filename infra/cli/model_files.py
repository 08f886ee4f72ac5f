"""Models as the commands name them: a file, or a release whose model stands in the object store."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.cli.dataset_log import lost, manifest_of, read_datasets
from infra.cli.log import read_book
from infra.cli.output import Exit, fail
from infra.objects import ObjectMissingError, ObjectStore
from infra.settings import Settings
from producers.bundles import MODEL, members_of
from producers.camera.camera import HeldBack
from producers.model.runtime import Model
from producers.proposing import card_name
from producers.scoring import held_back, read_labelled
from producers.training import validation_side
from schemas import moments
from schemas.decisions import ReleaseBook, ReleaseView
from schemas.records import Artifact


class Models:
    """Models by file or release; the log is read once, when the first release is named."""

    def __init__(self) -> None:
        self._settings = Settings()
        self._book: ReleaseBook | None = None

    @property
    def book(self) -> ReleaseBook:
        """All releases."""
        if self._book is None:
            self._book = read_book(self._settings)
        return self._book

    def release(self, release_id: str) -> tuple[ReleaseView, Artifact]:
        """A release and its model file; the command fails when there is none of either."""
        view = self.book.releases.get(release_id)
        if view is None or view.proposal.artifact is None:
            fail(f"no model {release_id}; see: fleetloop models list", Exit.CONDITION_NOT_MET)
        return view, view.proposal.artifact

    def model(self, name: str) -> bytes:
        """The ONNX model of a file or of a release; of a bundle, the model devices drive by.

        Raises:
            ObjectMissingError, ObjectCorruptError: The release's file is not as announced.
            BundleError: It is a damaged bundle.
        """
        if Path(name).is_file():
            return members_of(Path(name).read_bytes())[MODEL]
        artifact = self.release(name)[1]
        objects = ObjectStore(self._settings.objects_url)
        return members_of(objects.get(artifact.uri, digest=artifact.digest))[MODEL]

    def card(self, release_id: str) -> Mapping[str, Any]:
        """The release's model card, and beside it what erasures took from its dataset since.

        The card is as it was when the release was proposed; the erasures are read from the log.
        """
        view, artifact = self.release(release_id)
        objects = ObjectStore(self._settings.objects_url)
        try:
            card = json.loads(objects.get(card_name(artifact.digest)))
        except ObjectMissingError:
            card = None  # a release made by hand has none
        return {
            "release_id": release_id,
            "erasures": [
                {
                    "erasure_id": loss.erasure_id,
                    "at": moments.spell(loss.until_us),
                    "examples": loss.examples,
                }
                for loss in lost(self._settings, view.proposal)
            ],
            "card": card,
        }


def pictures_of(file: Path | None, dataset_id: str | None, model: bytes) -> HeldBack:
    """The labelled pictures of a file, or of the validation side of a dataset.

    Args:
        file: An .npz, see `producers.scoring`.
        dataset_id: A dataset; exactly one of both is given.
        model: Integer labels of a file index its classes.

    Raises:
        PicturesError: The file is not what it must be.
        ObjectMissingError, ObjectCorruptError, StripError: Manifest or picture is not as announced.
    """
    if (file is None) == (dataset_id is None):
        fail("name either --pictures or --dataset", Exit.USAGE)
    if file is not None:
        return held_back(read_labelled(file), Model(model).classes)
    settings = Settings()
    objects = ObjectStore(settings.objects_url)
    dataset = read_datasets(settings).assembled(dataset_id or "")
    side = validation_side(manifest_of(dataset, objects), objects)
    if side is None:
        fail(f"dataset {dataset_id}: nothing validates", Exit.CONDITION_NOT_MET)
    return side
