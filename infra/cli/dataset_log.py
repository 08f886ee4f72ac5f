"""Dataset lines as the commands read them: the valid steps, the erasures, the manifests."""

from dataclasses import dataclass

from infra.cli.log import read_whole
from infra.cli.output import Exit, fail
from infra.objects import ObjectStore
from infra.settings import Settings
from schemas.dataset_lines import LineBook
from schemas.erasures import ErasureBook
from schemas.manifests import Manifest, from_parquet
from schemas.records import DatasetManifest, ManifestKind
from schemas.topics import DATASET_MANIFESTS, ERASURES


@dataclass(frozen=True, slots=True)
class DatasetLog:
    """What was decided about datasets.

    Attributes:
        steps: Records that count, in log order.
        book: Where each line stands.
        erasures: All there are.
    """

    steps: tuple[DatasetManifest, ...]
    book: LineBook
    erasures: ErasureBook

    def of(self, dataset_id: str) -> list[DatasetManifest]:
        """The steps of one dataset; the command fails when there are none."""
        found = [step for step in self.steps if step.dataset_id == dataset_id]
        if not found:
            fail(f"no dataset {dataset_id}; see: fleetloop datasets list", Exit.CONDITION_NOT_MET)
        return found

    def assembled(self, dataset_id: str) -> DatasetManifest:
        """The record of an assembled dataset; the command fails when it is not assembled."""
        last = self.of(dataset_id)[-1]
        if last.kind is not ManifestKind.ASSEMBLED:
            fail(
                f"dataset {dataset_id} is not assembled yet, its last step is {last.kind}; "
                "the dataset worker assembles it once it is cut",
                Exit.CONDITION_NOT_MET,
            )
        return last


def read_datasets(settings: Settings) -> DatasetLog:
    """Read both topics whole."""
    erasures = ErasureBook()
    for fact in read_whole(settings, ERASURES):
        erasures.observe(fact)
    book = LineBook()
    facts = read_whole(settings, DATASET_MANIFESTS)
    steps = tuple(fact.record for fact in facts if book.observe(fact.record, fact.stamp_us))
    return DatasetLog(steps, book, erasures)


def manifest_of(dataset: DatasetManifest, objects: ObjectStore) -> Manifest:
    """The manifest of an assembled dataset, as it was announced.

    Raises:
        ObjectMissingError, ObjectCorruptError, ManifestError: It cannot be had so.
    """
    return from_parquet(objects.get(dataset.manifest_uri or "", digest=dataset.manifest_digest))
