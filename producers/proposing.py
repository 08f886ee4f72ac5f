"""A dataset becomes a proposal: trained, stored with its card, and signed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from infra.objects import ObjectStore
from producers.bundles import MODEL, is_bundle, members_of, renewed
from producers.camera.camera import HeldBack
from producers.model.form import BUNDLE, FORMAT, OPSET, RUNTIME
from producers.releases import current_parent, next_counter, propose
from producers.training import Parent, Trained, train
from schemas.catalogue import CATALOGUE
from schemas.decisions import ReleaseBook
from schemas.known_inputs import known_name, to_json
from schemas.manifests import from_parquet
from schemas.media import Medium
from schemas.records import Artifact, DatasetManifest, DeviceClass, ModelRelease
from schemas.signing import Signer
from schemas.tasks import Task, task_of

_SEED: Final = 1


class OtherTaskError(ValueError):
    """A dataset is about something else than this trainer's; the message names both."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What the trainer works with.

    Attributes:
        device_class, strata: Whom its releases are for.
        task: What its datasets are about; those of another task are another trainer's.
        held_back: Frames for the model card, never for training or choosing.
        now_us: Clock, UTC microseconds.
    """

    objects: ObjectStore
    signer: Signer
    device_class: DeviceClass
    strata: tuple[str, ...]
    task: Task
    held_back: HeldBack | None
    now_us: Callable[[], int]


def proposal(desk: Desk, book: ReleaseBook, dataset: DatasetManifest) -> ModelRelease:
    """Train, store model and card, build and sign the proposal.

    Of a parent that is a bundle the model is trained anew; what is beside it goes on unchanged.

    Raises:
        OtherTaskError: Another trainer does it.
        BundleError: The parent's file is a damaged bundle.
        ObjectMissingError, ObjectCorruptError, ManifestError: The manifest is not as announced.
        DatasetError, StripError, TrainingError: It cannot be trained on.
        WorseError: What came out is worse than its parent on a protected slice.
    """
    body = desk.objects.get(dataset.manifest_uri or "", digest=dataset.manifest_digest)
    manifest = from_parquet(body)
    if (task := task_of(manifest)) is not desk.task:
        raise OtherTaskError(
            f"dataset {dataset.dataset_id}: about {task.name}, not {desk.task.name}"
        )
    parent = _parent(desk, book, dataset)
    live = _file_of(desk, book, parent)
    compared = None if parent is None or live is None else Parent(parent, members_of(live)[MODEL])
    trained = train(manifest, desk.objects, _SEED, desk.held_back, compared)
    counter = next_counter(book, desk.device_class)
    return propose(
        desk.signer,
        release_id=f"{dataset.line}-{counter}",
        device_class=desk.device_class,
        artifact=store(desk.objects, trained, desk.task.medium, beside=live),
        parent_release_id=parent,
        counter=counter,
        strata=desk.strata,
        deadline_us={name: CATALOGUE.hardware[name].deadline_us for name in desk.strata},
        decided_ts=desk.now_us(),
        purpose=f"trained on {dataset.dataset_id}, {len(manifest.examples)} encounters",
        source=dataset.source,
        affected_functions=(desk.task.function,),
        dataset_id=dataset.dataset_id,
        metrics=trained.metrics,
    )


def _parent(desk: Desk, book: ReleaseBook, dataset: DatasetManifest) -> str | None:
    """What devices return to: the newest completed release, else that of the parent dataset."""
    completed = current_parent(book, desk.device_class)
    if completed is not None or dataset.parent is None:
        return completed
    earlier = [
        view.proposal.release_id
        for view in book.releases.values()
        if view.proposal.dataset_id == dataset.parent
    ]
    return earlier[0] if earlier else None


def _file_of(desk: Desk, book: ReleaseBook, release_id: str | None) -> bytes | None:
    artifact = book.releases[release_id].proposal.artifact if release_id is not None else None
    return None if artifact is None else desk.objects.get(artifact.uri, digest=artifact.digest)


def store(
    objects: ObjectStore, trained: Trained, medium: Medium, beside: bytes | None = None
) -> Artifact:
    """Put a model into the object store, and its card and known inputs under its digest.

    Args:
        objects: The store.
        trained: The model.
        medium: Of the frames it takes in.
        beside: File of the parent, whose other members are the new model's too.
    """
    artifact = store_model(objects, renewed(beside, trained.model), medium)
    objects.put_named(card_name(artifact.digest), trained.card)
    if trained.known is not None:
        objects.put_named(known_name(artifact.digest), to_json(trained.known))
    return artifact


def store_model(objects: ObjectStore, model: bytes, medium: Medium) -> Artifact:
    """Put a model file for frames of a medium, or a bundle of them, into the object store."""
    bundled = is_bundle(model)
    stored = objects.put(model, kind="models", suffix=".tar" if bundled else ".onnx")
    return Artifact(
        uri=stored.uri,
        digest=stored.digest,
        bytes=stored.bytes,
        format=BUNDLE if bundled else FORMAT,
        opset=OPSET,
        input_shape=(-1, *medium.shape),
        runtime=RUNTIME,
    )


def card_name(digest: str) -> str:
    """Where the card of a model is in the object store."""
    return f"model-cards/{digest}.json"
