"""`fleetloop releases verify`: a device's claim about a release against what was signed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from infra.kafka.ranges import RangeReader
from infra.objects import ObjectStore
from infra.settings import Settings
from infra.trust.pinned import pinned_roots
from producers.device.client import fleet_evidence
from producers.device.evidence.chain import Chain, read
from producers.device.evidence.claim import Claim, Finding, Standing
from producers.device.evidence.entry import EvidenceError
from producers.device.evidence.judging import judge
from producers.device.evidence.log import EvidenceLog
from producers.device.evidence.published import Published
from producers.device.trust.cycle import DIRECTOR_NAME, IMAGES_NAME
from producers.device.trust.limits import DIRECTOR, IMAGES, Limits
from producers.device.trust.places import sources
from producers.device.trust.predicate import Identity
from producers.device.trust.sources import FolderSource
from schemas.codec import Codec
from schemas.decisions import ReleaseView
from schemas.errors import RecordError
from schemas.facts import Fact
from schemas.registry import registry_from
from schemas.topics import OTA_ACKS

__all__ = [
    "ClaimError",
    "EvidenceError",
    "acks_of",
    "claim",
    "evidence_of",
    "holds",
    "judge",
    "published",
]

_MOST_EVIDENCE: Final = 64 * 1024 * 1024


class ClaimError(ValueError):
    """What was given to judge by cannot be used; the message says what would be right."""


def acks_of(settings: Settings, device_id: str, release_id: str) -> list[Fact]:
    """What a device has acknowledged about a release, in the order of the log.

    Raises:
        KafkaUnreachableError, RangeUnreadableError: The log does not answer.
    """
    codec, reader = Codec(registry_from(settings.registry_url)), RangeReader(settings.kafka)
    found: list[Fact] = []
    for raw in reader.read(reader.held([OTA_ACKS.name])):
        if raw.value is None or raw.key != device_id.encode():
            continue
        try:
            record = codec.decode(raw.topic, raw.value)
        except RecordError:
            continue  # the sink dead-letters it; it acknowledges nothing
        if (record.device_id, record.release_id) == (device_id, release_id):
            found.append(
                Fact(
                    topic=raw.topic,
                    partition=raw.partition,
                    offset=raw.offset,
                    stamp_us=raw.stamp_us,
                    record=record,
                )
            )
    return found


def evidence_of(settings: Settings, device_id: str, shown: Path | None) -> Chain | None:
    """A device's evidence: what it shows, else what a simulated one left here; None: it left none.

    Raises: As `evidence_from`.
    """
    if shown is not None:
        return evidence_from(shown)
    own = fleet_evidence.evidence_of(settings.evidence_dir, device_id)
    return read(own) if own else None


def evidence_from(path: Path) -> Chain:
    """Evidence in a log alone, or in a folder with what stood in the log before.

    Raises:
        EvidenceError: It was changed.
        ClaimError: There is none, or it is larger than a device keeps it.
    """
    files = [path / EvidenceLog.OLD, path / EvidenceLog.NAME] if path.is_dir() else [path]
    there = [one for one in files if one.is_file()]
    if not there:
        raise ClaimError(f"{path}: no {EvidenceLog.NAME} is there")
    if sum(one.stat().st_size for one in there) > _MOST_EVIDENCE:
        raise ClaimError(f"{path}: more than {_MOST_EVIDENCE} bytes; no device keeps so much")
    return read(b"".join(one.read_bytes() for one in there))


def published(
    settings: Settings, folder: Path | None, roots: Path | None, *, director: bool
) -> Published | None:
    """A repository to judge by; None: none was given, and the installation has none.

    Args:
        settings: Of the installation.
        folder: Its metadata; None: those of the installation.
        roots: Trusted Roots; None: those that the installation has pinned, if it has, for its own.
        director: The Director's, else the image repository.

    Raises:
        ClaimError: The trusted Roots are not there.
        OSError: The object store does not answer.
    """
    limits: Limits = DIRECTOR if director else IMAGES
    trusted = None if roots is None else _root(roots, director=director)
    if folder is not None:
        return Published(FolderSource(folder), limits, trusted)
    pinned = pinned_roots(settings.keys_dir)
    if pinned is None:
        return None
    own = sources(ObjectStore(settings.objects_url))
    return Published(own[not director], limits, trusted or pinned[not director])


def _root(roots: Path, *, director: bool) -> bytes:
    path = roots / (DIRECTOR_NAME if director else IMAGES_NAME) / "root.json"
    if not path.is_file():
        raise ClaimError(f"{path}: not there; --roots is a folder as a device leaves the factory")
    return path.read_bytes()


def claim(
    view: ReleaseView,
    device_id: str,
    hardware: str | None,
    acks: Sequence[Fact],
    chain: Chain | None,
) -> Claim:
    """All that is known of a device and a release.

    Raises:
        ClaimError: The device's generation is not known, or the release has no model.
    """
    proposal = view.proposal
    said = {fact.record.hardware for fact in acks} | ({hardware} if hardware else set())
    if len(said) != 1:
        told = ", ".join(sorted(said)) or "no ack of it says one"
        raise ClaimError(f"hardware of {device_id}: {told}; give the right one with --hardware")
    if proposal.artifact is None:
        raise ClaimError(f"release {proposal.release_id} has no model to run")
    generation = said.pop()
    return Claim(
        release_id=proposal.release_id,
        digest=proposal.artifact.digest,
        salt=proposal.salt or "",
        device=Identity(ecu=device_id, hardware=generation),
        stratum=view.strata.get(generation),
        acks=acks,
        chain=chain,
    )


def holds(findings: Sequence[Finding]) -> bool:
    """Whether nothing is contradicted, and something is known at all of what the device runs."""
    standings = {one.part: one.standing for one in findings}
    return Standing.CONTRADICTED not in standings.values() and (
        standings["outcome"] is not Standing.NOT_SHOWN
    )
