"""A person's order about a release: a signed record on rollout-commands."""

from schemas.records import CommandKind, RolloutCommand
from schemas.signing import Signer


def signed_order(
    signer: Signer,
    release_id: str,
    kind: CommandKind,
    *,
    reason: str,
    stratum: str | None,
    issued_ts: int,
) -> RolloutCommand:
    """Build and sign an order.

    Args:
        signer: Who orders; what is ordered, where and when is the record's identity with it.
        release_id: The release.
        kind: The order.
        reason: Why, in the person's words.
        stratum: Where; None: in all strata.
        issued_ts: Now, UTC microseconds.
    """
    return signer.sign(
        RolloutCommand(
            event_id=f"{signer.name}/{kind}/{release_id}/{stratum or '*'}/{issued_ts}",
            source="live",
            release_id=release_id,
            command=kind,
            by=signer.name,
            reason=reason,
            stratum=stratum,
            issued_ts=issued_ts,
            signer=signer.name,
            signature="",
        )
    )
