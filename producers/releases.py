"""Proposing a release: the PROPOSED record that begins its sequence, built and signed."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

from schemas.decisions import ReleaseBook, decision_id
from schemas.records import Artifact, DeviceClass, ModelRelease, Preconditions, ReleaseKind
from schemas.signing import Signer
from schemas.strata import StratumStatus

DEFAULT_PRECONDITIONS: Final = Preconditions(parked=False, min_state_of_charge=0.0, network="any")


def propose(
    signer: Signer,
    *,
    release_id: str,
    device_class: DeviceClass,
    artifact: Artifact,
    parent_release_id: str | None,
    counter: int,
    strata: Sequence[str],
    deadline_us: Mapping[str, int],
    decided_ts: int,
    purpose: str,
    source: str = "live",
    preconditions: Preconditions = DEFAULT_PRECONDITIONS,
    affected_functions: Sequence[str] = (),
    safety_relevant: bool = False,
    recall_id: str | None = None,
    dataset_id: str | None = None,
    metrics: Mapping[str, float] | None = None,
) -> ModelRelease:
    """Build and sign a proposal. The same arguments give the same record.

    Args:
        signer: Its name becomes the author, who may not approve the release.
        release_id: New identity; a release that was proposed before stays as it was.
        device_class: Kind of machine it is for.
        artifact: The model file, already in the object store.
        parent_release_id: What devices return to when it is ordered back; None: the first.
        counter: Higher than that of every earlier release of the class: `next_counter`.
        strata: Hardware generations it is for.
        deadline_us: Inference deadline in microseconds by hardware generation.
        decided_ts: Now, UTC microseconds.
        purpose: Why it exists.
        source: live, simulated, or replay:<data set>.
        preconditions: What must hold before a device installs.
        affected_functions: Functions of the machine it can change.
        safety_relevant: Two people must approve.
        recall_id: Recall it answers.
        dataset_id: Dataset it was trained from.
        metrics: Offline metrics by name.
    """
    identity = decision_id(release_id, 0)
    return signer.sign(
        ModelRelease(
            event_id=identity,
            source=source,
            release_id=release_id,
            kind=ReleaseKind.PROPOSED,
            decision_id=identity,
            decision_seq=0,
            decided_ts=decided_ts,
            signer=signer.name,
            signature="",
            device_class=device_class,
            artifact=artifact,
            parent_release_id=parent_release_id,
            counter=counter,
            salt=hashlib.sha256(f"cohort\n{release_id}".encode()).hexdigest()[:16],
            strata=tuple(strata),
            deadline_us=dict(deadline_us),
            preconditions=preconditions,
            purpose=purpose,
            affected_functions=tuple(affected_functions),
            safety_relevant=safety_relevant,
            recall_id=recall_id,
            author=signer.name,
            approvers=(),
            dataset_id=dataset_id,
            metrics=dict(metrics or {}),
            reason=purpose,
        )
    )


def next_counter(book: ReleaseBook, device_class: DeviceClass) -> int:
    """A counter above that of every release proposed so far for the class."""
    return 1 + max(
        (
            view.proposal.counter
            for view in book.releases.values()
            if view.proposal.device_class is device_class
        ),
        default=0,
    )


def current_parent(book: ReleaseBook, device_class: DeviceClass) -> str | None:
    """The newest release that is completed in every stratum it is for."""
    complete = [
        view
        for view in book.releases.values()
        if view.proposal.device_class is device_class
        and all(stratum.status is StratumStatus.COMPLETED for stratum in view.strata.values())
    ]
    newest = max(complete, key=lambda view: view.proposal.counter, default=None)
    return newest.proposal.release_id if newest else None
