"""Where pictures of a device went: datasets built before its erasure, releases trained on them.

The questions of a line go with the device; manifests stay as they were (decision 0028).
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from consumers.clickhouse.client import Native
from infra.objects import ObjectCorruptError, ObjectMissingError, ObjectStore
from infra.question_store import redact_questions
from schemas.erasures import Erased, ErasureBook
from schemas.forgotten import erased_since
from schemas.manifests import Manifest, ManifestError, from_parquet

logger = logging.getLogger("fleetloop.erasure")

_ASSEMBLED = """
SELECT DISTINCT dataset_id, manifest_uri, manifest_digest FROM dataset_manifests
WHERE kind = 'ASSEMBLED' AND manifest_uri IS NOT NULL ORDER BY dataset_id"""
_SHEETS = """
SELECT DISTINCT questions_digest FROM dataset_manifests
WHERE kind = 'ASSEMBLED' AND questions_digest IS NOT NULL ORDER BY questions_digest"""
# Of proposals under one name the first counts; another's dataset is that of no release.
_TRAINED = """
SELECT argMin(ifNull(dataset_id, ''), _offset), release_id FROM model_releases
WHERE kind = 'PROPOSED' GROUP BY release_id ORDER BY release_id"""


@dataclass(slots=True)
class Traces:
    """What datasets hold of one device.

    Attributes:
        pictures: Digests of its pictures in them.
        datasets: Ids of datasets with its examples.
        releases: Releases trained on those.
    """

    pictures: set[str] = field(default_factory=set)
    datasets: list[str] = field(default_factory=list)
    releases: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Lineage:
    """Traces by device id, and the pictures that examples of other devices show."""

    traces: Mapping[str, Traces]
    of_others: frozenset[str]


def lineage(client: Native, objects: ObjectStore, batch: Sequence[Erased]) -> Lineage:
    """Read every assembled manifest. One that is gone or damaged is told in the log and left out.

    Raises:
        ClickHouseError: A table cannot be read.
    """
    book = ErasureBook(batch)
    traces = {device: Traces() for device in book.devices()}
    of_others: set[str] = set()
    for dataset, uri, digest in client.execute(_ASSEMBLED):
        try:
            manifest = from_parquet(objects.get(uri, digest=digest))
            _note(dataset, manifest, book, traces, of_others)
        except (ObjectMissingError, ObjectCorruptError, ManifestError) as error:
            logger.warning("dataset %s is not looked into: %s", dataset, error)
    trained = client.execute(_TRAINED)
    for found in traces.values():
        found.releases = [release for dataset, release in trained if dataset in found.datasets]
    return Lineage(traces, frozenset(of_others))


def forget_questions(client: Native, objects: ObjectStore, batch: Sequence[Erased]) -> None:
    """Take the devices out of every sheet of questions; one that is damaged is told in the log.

    Raises:
        ClickHouseError: A table cannot be read.
    """
    book = ErasureBook(batch)
    for (digest,) in client.execute(_SHEETS):
        try:
            redact_questions(objects, digest, book)
        except (ObjectMissingError, ObjectCorruptError, ManifestError) as error:
            logger.warning("questions %s are not looked into: %s", digest, error)


def _note(
    dataset: str,
    manifest: Manifest,
    book: ErasureBook,
    traces: Mapping[str, Traces],
    of_others: set[str],
) -> None:
    since = erased_since(manifest, book)
    for example in manifest.examples:
        if example.device_id not in since:
            of_others.add(example.frame_digest)
            continue
        found = traces[example.device_id]
        found.pictures.add(example.frame_digest)
        if dataset not in found.datasets:
            found.datasets.append(dataset)
