"""Audit of a dataset: everything that is said of it, held against what is really there."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256

from infra.objects import ObjectCorruptError, ObjectMissingError, ObjectStore
from schemas.erasures import ErasureBook
from schemas.examples import Example
from schemas.film_strips import StripError
from schemas.forgotten import erased_since
from schemas.leakage import certificate, leaks
from schemas.manifests import Manifest, ManifestError, from_parquet
from schemas.media import Medium
from schemas.records import DatasetManifest
from schemas.tasks import task_of


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it was announced.

    Attributes:
        kind: In capitals, such as PICTURE_MISSING.
        where: An address, an example, or a field of the record.
        why: What was found and what was announced.
    """

    kind: str
    where: str
    why: str


@dataclass(slots=True)
class Report:
    """What an audit saw.

    Attributes:
        examples: Examples of the manifest.
        relations: Relations compared across the split.
        erased: Examples that an erasure took since; their pictures may be gone.
    """

    examples: int = 0
    relations: int = 0
    erased: int = 0
    findings: list[Finding] = field(default_factory=list)


def audit(dataset: DatasetManifest, objects: ObjectStore, erasures: ErasureBook) -> Report:
    """Fetch manifest and pictures, and compute the leakage certificate anew from them."""
    report = Report()
    manifest = _manifest(dataset, objects, report)
    if manifest is None:
        return report
    report.examples = len(manifest.examples)
    report.findings += _record(dataset, manifest)
    try:
        since, medium = erased_since(manifest, erasures), task_of(manifest).medium
    except ManifestError as error:
        report.findings.append(
            Finding("MANIFEST_UNREADABLE", str(dataset.manifest_uri), str(error))
        )
        return report
    seen = []
    for example in manifest.examples:
        erased = example.device_id in since
        report.erased += erased
        seen.append(_seen(example, medium, objects, report, gone_rightly=erased))
    report.findings += [
        Finding(
            "LEAK", f"{leak.kind} {leak.name}", f"{leak.train} trains, {leak.validation} validates"
        )
        for leak in leaks(seen)
    ]
    report.relations = certificate(seen).checked
    report.findings += _certificate(dataset, report.relations)
    return report


def _manifest(dataset: DatasetManifest, objects: ObjectStore, report: Report) -> Manifest | None:
    """The manifest as it is there, even when it is not the announced one."""
    where = str(dataset.manifest_uri)
    try:
        body = objects.get(dataset.manifest_uri or "")
    except ObjectMissingError as error:
        report.findings.append(Finding("MANIFEST_MISSING", where, str(error)))
        return None
    if (found := sha256(body).hexdigest()) != dataset.manifest_digest:
        why = f"digest {found}, announced {dataset.manifest_digest}: its bytes were changed"
        report.findings.append(Finding("MANIFEST_CHANGED", where, why))
    try:
        return from_parquet(body)
    except ManifestError as error:
        report.findings.append(Finding("MANIFEST_UNREADABLE", where, str(error)))
        return None


def _record(dataset: DatasetManifest, manifest: Manifest) -> Iterator[Finding]:
    """What the record on the log says of the manifest."""
    named = manifest.metadata.get("dataset_id")
    if named != dataset.dataset_id:
        yield Finding("NAME_DIFFERS", "dataset_id", f"the manifest is of {named}")
    counts = Counter(f"{one.split}/{one.label}" for one in manifest.examples)
    for name in sorted(counts.keys() | dataset.counts.keys()):
        if (found := counts[name]) != (said := dataset.counts.get(name, 0)):
            yield Finding("COUNTS_DIFFER", f"counts {name}", f"{found} examples, announced {said}")


def _certificate(dataset: DatasetManifest, relations: int) -> Iterator[Finding]:
    said = dataset.leakage_audit
    if said is None:
        yield Finding("CERTIFICATE_MISSING", "leakage_audit", "the record carries none")
    elif (said.checked, said.violations) != (relations, 0):
        why = f"{relations} relations, announced {said.checked} with {said.violations} violations"
        yield Finding("CERTIFICATE_DIFFERS", "leakage_audit", why)


def _seen(
    example: Example, medium: Medium, objects: ObjectStore, report: Report, *, gone_rightly: bool
) -> Example:
    """The example with the fingerprint of its picture as it is there now, if it can be had."""
    where = f"{example.example_id} {example.frame_uri}"
    try:
        frames = medium.decode(objects.get(example.frame_uri, digest=example.frame_digest))
    except ObjectMissingError as error:
        if not gone_rightly:
            report.findings.append(Finding("PICTURE_MISSING", where, str(error)))
        return example
    except ObjectCorruptError as error:
        report.findings.append(Finding("PICTURE_CHANGED", where, str(error)))
        return example
    except StripError as error:
        report.findings.append(Finding("PICTURE_CORRUPT", where, str(error)))
        return example
    found = medium.fingerprint(frames[-1])
    if example.fingerprint not in (b"", found):
        why = "the manifest carries another fingerprint than the picture gives"
        report.findings.append(Finding("FINGERPRINT_DIFFERS", where, why))
    return replace(example, fingerprint=found)
