"""Dataset lines as the commands read them: the valid steps, the erasures, the manifests."""

from dataclasses import dataclass

from infra.cli.log import read_whole
from infra.cli.output import Exit, fail
from infra.objects import ObjectCorruptError, ObjectMissingError, ObjectStore
from infra.settings import Settings
from schemas import moments
from schemas.dataset_lines import LineBook
from schemas.erasures import ErasureBook
from schemas.forgotten import Loss, losses
from schemas.manifests import Manifest, ManifestError, from_parquet
from schemas.records import DatasetManifest, ManifestKind, ModelRelease
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
                f"dataset {dataset_id} is not assembled yet, its last step is {last.kind}; the "
                "dataset worker assembles it once it is cut; see: fleetloop datasets build --help",
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


def lost(settings: Settings, release: ModelRelease) -> list[Loss]:
    """What erasures took from the dataset of a release since it was assembled.

    Empty for a release that names no dataset, or one that the log no longer holds.

    Raises:
        ObjectMissingError, ObjectCorruptError, ManifestError: The manifest is not as announced.
    """
    if release.dataset_id is None:
        return []
    log = read_datasets(settings)
    if not log.erasures:
        return []
    objects = ObjectStore(settings.objects_url)
    for step in reversed(log.steps):
        if step.dataset_id == release.dataset_id and step.kind is ManifestKind.ASSEMBLED:
            return losses(manifest_of(step, objects), log.erasures)
    return []


def affected(settings: Settings, release: ModelRelease) -> list[str]:
    """A sentence for each erasure by which a release is affected; why it cannot be told is one."""
    try:
        found = lost(settings, release)
    except (ObjectMissingError, ObjectCorruptError, ManifestError) as error:
        return [f"whether {release.release_id} is affected by erasures cannot be told: {error}"]
    return [
        f"{release.release_id} is affected by erasure {loss.erasure_id} of "
        f"{moments.spell(loss.until_us)}: its dataset {release.dataset_id} held {loss.examples} "
        "examples of the device"
        for loss in found
    ]
