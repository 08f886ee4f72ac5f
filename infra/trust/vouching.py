"""What a ceremony signs of a release: its image, and its parent's under the next counter. Pure.

A release's counter c on the log becomes 2c here and the way back from it 2c + 1: the next release,
2c + 2 at least, is above both, and a device that went back can take it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tuf.api.metadata import TargetFile, Targets

from infra.trust.signed_file import expiry
from producers.device.trust.agreement import COUNTER
from producers.device.trust.deltas import FIELD, Delta, to_custom
from producers.device.trust.known import FIELD as KNOWN
from producers.device.trust.known import Signed
from producers.device.trust.known import to_custom as to_known
from producers.device.trust.paths import image_path, way_back_path
from schemas.records import Artifact, ModelRelease


def forward_counter(counter: int) -> int:
    """Release counter in the metadata of a release with this counter on the log."""
    return 2 * counter


def back_counter(counter: int) -> int:
    """Release counter of the way back from a release with this counter on the log."""
    return 2 * counter + 1


def vouched(
    before: Targets | None,
    proposal: ModelRelease,
    parent: ModelRelease | None,
    now: datetime,
    deltas: Sequence[Delta] = (),
    known: Mapping[str, Signed] | None = None,
) -> Targets:
    """The image repository's next Targets: those before, the release, and the way back from it.

    Args:
        before: The newest Targets; None: there are none yet.
        proposal: PROPOSED record of the release.
        parent: That of its parent; None: it has none, and no way back.
        now: UTC.
        deltas: Patches that lead to its model.
        known: Known inputs by the SHA-256 of the model that answers them.

    Raises:
        ValueError: A proposal has no artifact.
    """
    after = Targets(version=1, expires=expiry("targets", now))
    if before is not None:
        after.version = before.version + 1
        after.targets = dict(before.targets)
    custom: dict[str, Any] = {
        "hardwareIds": list(proposal.strata),
        "release": {"release_id": proposal.release_id},
        COUNTER: forward_counter(proposal.counter),
        **_known(proposal, known),
    }
    if deltas:
        custom[FIELD] = to_custom(deltas)
    path = image_path(proposal.release_id)
    after.targets[path] = target_file(path, artifact_of(proposal), custom)
    if parent is not None:
        custom = {
            "hardwareIds": list(proposal.strata),
            "release": {"release_id": parent.release_id, "rollback_of": proposal.release_id},
            COUNTER: back_counter(proposal.counter),
            **_known(parent, known),
        }
        path = way_back_path(proposal.release_id)
        after.targets[path] = target_file(path, artifact_of(parent), custom)
        _lift(after, way_back_path(parent.release_id), back_counter(proposal.counter))
    return after


def _lift(targets: Targets, path: str, counter: int) -> None:
    """Let the way back from the parent be taken by who has had the new release: a second step."""
    below = targets.targets.get(path)
    if below is not None:
        again = TargetFile.from_dict(below.to_dict(), path)
        again.unrecognized_fields["custom"] = {**below.custom, COUNTER: counter}
        targets.targets[path] = again


def _known(proposal: ModelRelease, known: Mapping[str, Signed] | None) -> dict[str, Any]:
    signed = (known or {}).get(artifact_of(proposal).digest)
    return {} if signed is None else {KNOWN: to_known(signed)}


def target_file(path: str, artifact: Artifact, custom: dict[str, Any]) -> TargetFile:
    """An artifact as a target."""
    hashes = {"sha256": artifact.digest}
    return TargetFile(artifact.bytes, hashes, path, unrecognized_fields={"custom": custom})


def artifact_of(proposal: ModelRelease) -> Artifact:
    """The artifact of a proposal. Raises ValueError: it has none."""
    if proposal.artifact is None:
        raise ValueError(f"release {proposal.release_id}: its proposal has no artifact")
    return proposal.artifact
