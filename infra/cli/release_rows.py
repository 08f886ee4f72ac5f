"""Releases as rows of a table: one release, a stratum of it, a decision about it, its states."""

from typing import Any

from schemas import moments
from schemas.decisions import ReleaseView
from schemas.records import CommandKind, ModelRelease
from schemas.strata import StratumStatus
from schemas.transitions import Transition


def release_row(view: ReleaseView) -> dict[str, Any]:
    """One release as `list` shows it."""
    proposal = view.proposal
    statuses = {str(stratum.status) for stratum in view.strata.values()}
    by_stratum = ", ".join(f"{name} {stratum.status}" for name, stratum in view.strata.items())
    return {
        "release_id": proposal.release_id,
        "parent": proposal.parent_release_id,
        "counter": proposal.counter,
        "class": proposal.device_class.value,
        "state": statuses.pop() if len(statuses) == 1 else by_stratum,
        "approvers": ", ".join(view.approvers),
        "dataset_id": proposal.dataset_id,
        "purpose": proposal.purpose,
    }


def stratum_rows(view: ReleaseView) -> list[dict[str, Any]]:
    """One release as `get` shows it."""
    return [
        {
            "stratum": name,
            "status": stratum.status.value,
            "wave": stratum.wave,
            "share": stratum.share,
            "since": moments.spell(stratum.since_us),
            "stalled": stratum.stalled,
            "back_to": stratum.rollback_to[0] if stratum.rollback_to else None,
            "reason": stratum.reason,
        }
        for name, stratum in view.strata.items()
    ]


def decision_row(record: ModelRelease) -> dict[str, Any]:
    """One decision as `watch` tells it."""
    return {
        "stratum": record.stratum or "all",
        "status": record.kind.value,
        "wave": record.wave,
        "share": record.share,
        "since": moments.spell(record.decided_ts),
        "reason": record.reason,
    }


def transition_row(row: Transition) -> dict[str, str]:
    """One row of the state machine, as `rollout states` and docs/rollout.md show it."""
    ordered = isinstance(row.cause, CommandKind)
    return {
        "from": ", ".join(status for status in StratumStatus if status in row.sources),
        "when": f"a person orders {row.cause.value}" if ordered else row.cause.value,
        "decision": row.kind.value,
        "to": row.target.value,
    }
