"""A dataset line gone through once more, undisturbed, on the log that a killed worker left."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from infra.objects import ObjectStore
from infra.settings import KafkaSettings
from producers.training import train
from schemas.dataset_lines import LineBook
from schemas.manifests import from_parquet
from schemas.records import DatasetManifest, ManifestKind
from schemas.registry import FileRegistry
from streams.dataset.assembler import Assembler
from streams.dataset.policy import load_policy
from streams.dataset.sources import KafkaLog, ObjectGallery, ObjectShelf


def assembled_again(
    kafka: KafkaSettings, objects: ObjectStore, policy: Path, steps: Sequence[DatasetManifest]
) -> list[DatasetManifest]:
    """What one assembler that nobody kills makes of the same cuts, from the same log."""
    assembler = Assembler(
        load_policy(policy),
        KafkaLog(kafka, FileRegistry()),
        ObjectShelf(objects),
        ObjectGallery(objects),
    )
    book, made = LineBook(), []
    for step in steps:
        view = book.line(step.line)
        if step.kind is ManifestKind.ASSEMBLED and view.cut is not None:
            again = assembler.next(view, step.assembled_ts)
            assert again is not None
            made.append(again)
        assert book.observe(step, 0)
    return made


def trained(objects: ObjectStore, dataset: DatasetManifest) -> str:
    """Digest of the ONNX file that the trainer makes of a dataset."""
    assert dataset.manifest_uri is not None
    body = objects.get(dataset.manifest_uri, digest=dataset.manifest_digest)
    return sha256(train(from_parquet(body), objects, seed=0).model).hexdigest()
