"""What the offline keys sign for a release: its image, and the way back, each under a counter."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tuf.api.metadata import TargetFile

from producers.device.trust.agreement import COUNTER
from producers.device.trust.deltas import FIELD, Delta, to_custom
from producers.device.trust.paths import image_path, way_back_path
from schemas.decisions import ReleaseView
from schemas.records import Artifact, ModelRelease


@dataclass(frozen=True, slots=True)
class Patch:
    """A patch beside an image: how it is named, and its bytes."""

    delta: Delta
    body: bytes


def image_targets(
    release: ReleaseView, parent: ReleaseView | None, deltas: tuple[Delta, ...] = ()
) -> Mapping[str, TargetFile]:
    """The targets of a ceremony: the release, and its parent under the next counter.

    A rollback then needs no offline key at night: the parent's digest stands signed under a higher
    counter than the release, usable once the Director orders it.

    Args:
        release: With its artifact.
        parent: What it would be rolled back to; None: it is the first.
        deltas: Patches that lead to it.

    Raises:
        ValueError: The release or its parent has no artifact.
    """
    proposal = release.proposal
    counter = 2 * proposal.counter
    found = {image_path(proposal.release_id): _target(proposal, proposal, counter, deltas)}
    if parent is not None:
        back = _target(proposal, parent.proposal, counter + 1, ())
        back.unrecognized_fields["custom"]["rollbackOf"] = proposal.release_id
        found[way_back_path(proposal.release_id)] = back
    return found


def _target(
    release: ModelRelease, image: ModelRelease, counter: int, deltas: tuple[Delta, ...]
) -> TargetFile:
    artifact = artifact_of(image)
    custom: dict[str, Any] = {
        "hardwareIds": sorted(release.strata),
        "release": {"release_id": image.release_id},
        COUNTER: counter,
    }
    if deltas:
        custom[FIELD] = to_custom(deltas)
    path = image_path(release.release_id) if image is release else way_back_path(release.release_id)
    return TargetFile(artifact.bytes, {"sha256": artifact.digest}, path, {"custom": custom})


def artifact_of(release: ModelRelease) -> Artifact:
    """The model file of a proposal.

    Raises:
        ValueError: It names none.
    """
    if release.artifact is None:
        raise ValueError(f"release {release.release_id} names no model file")
    return release.artifact
