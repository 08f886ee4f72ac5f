"""A dataset built once more from the log, by the cut that fixes it and by assembly's own code."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from infra.objects import ObjectStore, content_name
from infra.settings import Settings
from schemas.facts import Fact
from schemas.manifests import Manifest, to_parquet
from schemas.question_sheets import QuestionSheet
from schemas.records import DatasetManifest, ManifestKind
from schemas.registry import registry_from
from schemas.topics import DATASET_MANIFESTS, EDGE_CASES
from streams.dataset.agent import DatasetProcessor
from streams.dataset.assembler import Assembler
from streams.dataset.policy import load_policy
from streams.dataset.sources import KafkaLog, ObjectGallery, ObjectShelf
from streams.processor import Position, Standing


class RebuildError(ValueError):
    """A dataset cannot be built again; the message says why."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A manifest as the log gives it now."""

    body: bytes

    @property
    def digest(self) -> str:
        """SHA-256, hex."""
        return sha256(self.body).hexdigest()


class _Shelf(ObjectShelf):
    """Keeps a manifest back: whether it may stand in the store is decided by its digest."""

    def __init__(self, objects: ObjectStore) -> None:
        super().__init__(objects)
        self.body = b""

    def store(self, manifest: Manifest) -> tuple[str, str]:
        self.body = to_parquet(manifest.examples, manifest.metadata)
        return "", sha256(self.body).hexdigest()

    def store_questions(self, sheet: QuestionSheet) -> tuple[str, str]:  # noqa: ARG002 - the interface of Shelf
        """Nowhere: an erasure may have redacted what was stored."""
        return "", ""


def history(facts: Sequence[Fact], dataset_id: str) -> Sequence[Fact]:
    """What assembly knew when it built a dataset: the line up to the cut, erasures before the end.

    Args:
        facts: All of `dataset-manifests` and `erasures`.
        dataset_id: The dataset.

    Raises:
        RebuildError: It is not assembled, or begins its line and was cut from nothing.
    """
    its = [
        fact
        for fact in facts
        if fact.topic == DATASET_MANIFESTS.name and fact.record.dataset_id == dataset_id
    ]
    ends = {fact.record.kind: fact for fact in reversed(its)}  # of each kind the first counts
    if ManifestKind.ASSEMBLED not in ends:
        raise RebuildError(f"dataset {dataset_id} is not assembled")
    if ManifestKind.CUT not in ends:
        raise RebuildError(f"dataset {dataset_id} begins its line: it was not cut from the log")
    cut, end = ends[ManifestKind.CUT], ends[ManifestKind.ASSEMBLED]
    return [
        fact
        for fact in facts
        if (
            fact.offset <= cut.offset
            if fact.topic == DATASET_MANIFESTS.name
            else fact.stamp_us < end.stamp_us
        )
    ]


def rebuilt(settings: Settings, facts: Sequence[Fact], line: str) -> Rebuilt:
    """Assemble what comes next after a history, as a worker would, and write nothing.

    Raises:
        RebuildError: The settings' policy is of another line.
        RangeUnreadableError: Kafka no longer holds what was read.
        ObjectMissingError, ObjectCorruptError, ManifestError: The parent is not as announced.
    """
    policy = load_policy(settings.dataset_file)
    if policy.line != line:
        raise RebuildError(
            f"the dataset policy is of line {policy.line}, the dataset of {line}; name its file "
            "with FLEETLOOP_DATASET_FILE"
        )
    objects = ObjectStore(settings.objects_url)
    shelf = _Shelf(objects)
    log = KafkaLog(settings.kafka, registry_from(settings.registry_url))
    worker = DatasetProcessor(Assembler(policy, log, shelf, ObjectGallery(objects)))
    worker.observe(facts)
    while not shelf.body:
        worker.emit(_leading())
    return Rebuilt(shelf.body)


def restore(objects: ObjectStore, dataset: DatasetManifest, found: Rebuilt) -> bool:
    """Put a manifest back where the store lost it or holds another; whether it had to be.

    Raises:
        RebuildError: The built one is not the announced one.
    """
    if found.digest != dataset.manifest_digest:
        raise RebuildError(
            f"dataset {dataset.dataset_id}: the log gives {found.digest}, announced "
            f"{dataset.manifest_digest}: pictures are gone (see: fleetloop datasets audit), the "
            "policy is another than it was, or an erasure came while it was assembled"
        )
    uri = dataset.manifest_uri or ""
    try:
        objects.get(uri, digest=found.digest)
    except (LookupError, ValueError):
        objects.put_named(content_name("manifests", found.digest, ".parquet"), found.body)
        return True
    return False


def _leading() -> Standing:
    """As of a worker that leads the line and has read all there is."""
    now_us = time.time_ns() // 1_000
    position = Position(
        topic_id="",
        generation="",
        applied_through=-1,
        end_offset=0,
        asked_us=now_us,
        high_stamp_us=0,
    )
    return Standing(now_us=now_us, partitions={(EDGE_CASES.name, 0): position})
