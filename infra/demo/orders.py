"""A person's order about a release: a signed record on rollout-commands."""

import uuid

from schemas.records import CommandKind, RolloutCommand
from schemas.signing import Signer


def order(
    operator: Signer,
    release_id: str,
    command: CommandKind,
    stratum: str | None,
    reason: str,
    now_us: int,
) -> RolloutCommand:
    """Build and sign an order."""
    return operator.sign(
        RolloutCommand(
            event_id=str(uuid.uuid4()),
            source="live",
            release_id=release_id,
            command=command,
            by=operator.name,
            reason=reason,
            stratum=stratum,
            issued_ts=now_us,
            signer=operator.name,
            signature="",
        )
    )
