"""Records for logs that exist in memory only: a proposal that breaks no rule, and an order."""

import dataclasses
from typing import Any

from schemas.decisions import decision_id
from schemas.records import (
    Artifact,
    CommandKind,
    DeviceClass,
    ModelRelease,
    Preconditions,
    ReleaseKind,
    RolloutCommand,
)
from schemas.signing import Signer


def made_digest(release_id: str) -> str:
    """A digest for a model that there is no file of."""
    return release_id.encode().hex().ljust(64, "0")[:64]


def made_proposal(
    release_id: str, *, signer: Signer, decided_ts: int, **changes: Any
) -> ModelRelease:
    """A signed PROPOSED record, for HW3, HW4 and AI5 unless `changes` name other strata."""
    record = ModelRelease(
        event_id=decision_id(release_id, 0),
        source="simulated",
        release_id=release_id,
        kind=ReleaseKind.PROPOSED,
        decision_id=decision_id(release_id, 0),
        decision_seq=0,
        decided_ts=decided_ts,
        signer="",
        signature="",
        device_class=DeviceClass.VEHICLE,
        artifact=Artifact(
            uri=f"file:///models/{release_id}.onnx",
            digest=made_digest(release_id),
            bytes=100_000,
            format="onnx",
            opset=17,
            input_shape=(1, 32, 32, 3),
            runtime="onnxruntime",
        ),
        counter=1,
        salt=f"salt of {release_id}",
        strata=("HW3", "HW4", "AI5"),
        deadline_us={"HW3": 50_000, "HW4": 50_000, "AI5": 50_000},
        preconditions=Preconditions(parked=False, min_state_of_charge=0.0, network="any"),
        purpose="test",
        affected_functions=(),
        safety_relevant=False,
        author="trainer",
        approvers=(),
        metrics={},
        reason="test",
    )
    return signer.sign(dataclasses.replace(record, **changes))


def made_command(
    release_id: str,
    kind: CommandKind,
    *,
    signer: Signer,
    issued_ts: int,
    stratum: str | None = None,
) -> RolloutCommand:
    """A signed order of an operator; stratum None: all of them."""
    record = RolloutCommand(
        event_id=f"{release_id}/{kind}/{signer.name}/{issued_ts}",
        source="simulated",
        release_id=release_id,
        command=kind,
        by=signer.name,
        reason="test",
        stratum=stratum,
        issued_ts=issued_ts,
        signer="",
        signature="",
    )
    return signer.sign(record)
