"""A dataset becomes a proposal: trained, stored with its card, and signed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from infra.objects import ObjectStore
from producers.camera.camera import HeldBack
from producers.model.form import FORMAT, INPUT_SHAPE, OPSET, RUNTIME
from producers.releases import current_parent, next_counter, propose
from producers.training import Parent, Trained, train
from schemas.catalogue import CATALOGUE
from schemas.decisions import ReleaseBook
from schemas.manifests import from_parquet
from schemas.records import Artifact, DatasetManifest, DeviceClass, ModelRelease
from schemas.signing import Signer

_SEED: Final = 1


@dataclass(frozen=True, slots=True)
class Desk:
    """What the trainer works with.

    Attributes:
        strata: Hardware generations its releases are for.
        held_back: Pictures for the model card, never for training or choosing.
        now_us: Clock, UTC microseconds.
    """

    objects: ObjectStore
    signer: Signer
    strata: tuple[str, ...]
    held_back: HeldBack | None
    now_us: Callable[[], int]


def proposal(desk: Desk, book: ReleaseBook, dataset: DatasetManifest) -> ModelRelease:
    """Train, store model and card, build and sign the proposal.

    Raises:
        ObjectMissingError, ObjectCorruptError, ManifestError: The manifest is not as announced.
        DatasetError, StripError, TrainingError: It cannot be trained on.
        WorseError: What came out is worse than its parent on a protected slice.
    """
    body = desk.objects.get(dataset.manifest_uri or "", digest=dataset.manifest_digest)
    manifest = from_parquet(body)
    parent = _parent(book, dataset)
    trained = train(manifest, desk.objects, _SEED, desk.held_back, _model_of(desk, book, parent))
    counter = next_counter(book, DeviceClass.VEHICLE)
    return propose(
        desk.signer,
        release_id=f"{dataset.line}-{counter}",
        device_class=DeviceClass.VEHICLE,
        artifact=store(desk.objects, trained),
        parent_release_id=parent,
        counter=counter,
        strata=desk.strata,
        deadline_us={name: CATALOGUE.hardware[name].deadline_us for name in desk.strata},
        decided_ts=desk.now_us(),
        purpose=f"trained on {dataset.dataset_id}, {len(manifest.examples)} encounters",
        source=dataset.source,
        affected_functions=("road-sign recognition",),
        dataset_id=dataset.dataset_id,
        metrics=trained.metrics,
    )


def _parent(book: ReleaseBook, dataset: DatasetManifest) -> str | None:
    """What devices return to: the newest completed release, else that of the parent dataset."""
    completed = current_parent(book, DeviceClass.VEHICLE)
    if completed is not None or dataset.parent is None:
        return completed
    earlier = [
        view.proposal.release_id
        for view in book.releases.values()
        if view.proposal.dataset_id == dataset.parent
    ]
    return earlier[0] if earlier else None


def _model_of(desk: Desk, book: ReleaseBook, release_id: str | None) -> Parent | None:
    if release_id is None:
        return None
    artifact = book.releases[release_id].proposal.artifact
    if artifact is None:
        return None
    return Parent(release_id, desk.objects.get(artifact.uri, digest=artifact.digest))


def store(objects: ObjectStore, trained: Trained) -> Artifact:
    """Put model and card into the object store; the card is named by the model's digest."""
    artifact = store_model(objects, trained.model)
    objects.put_named(card_name(artifact.digest), trained.card)
    return artifact


def store_model(objects: ObjectStore, model: bytes) -> Artifact:
    """Put a model file of this project's form into the object store."""
    stored = objects.put(model, kind="models", suffix=".onnx")
    return Artifact(
        uri=stored.uri,
        digest=stored.digest,
        bytes=stored.bytes,
        format=FORMAT,
        opset=OPSET,
        input_shape=INPUT_SHAPE,
        runtime=RUNTIME,
    )


def card_name(digest: str) -> str:
    """Where the card of a model is in the object store."""
    return f"model-cards/{digest}.json"
