"""What other tools keep of the statuses that one device sends, one after another.

Sources: mender-server deployments/app/app.go (UpdateDeviceDeploymentStatus); AWS IoT developer
guide (job execution states) and API reference (UpdateJobExecution).
"""

from collections.abc import Sequence
from typing import Final

_BLOCKED: Final = frozenset({"aborted", "decommissioned"})
_FINAL: Final = frozenset({"SUCCEEDED", "FAILED", "REJECTED", "TIMED_OUT", "CANCELED"})


def mender_server(told: Sequence[str]) -> str:
    """The last status that was taken: only aborted and decommissioned keep others out."""
    kept = "pending"
    for status in told:
        if kept not in _BLOCKED:
            kept = status
    return kept


def aws_execution(told: Sequence[str]) -> str:
    """State of a job execution after each step; one that is refused changes nothing.

    Args:
        told: A status, with the expected version behind it or none; or START, TIMER, CANCEL,
            FORCE_CANCEL, RETRY.
    """
    state, version = "QUEUED", 1
    for step in told:
        word, _, expected = step.partition(" ")
        if expected and int(expected) != version:
            continue  # VersionMismatch
        after = _after(state, word)
        if after is not None:
            state, version = after, 1 if word == "RETRY" else version + 1
    return state


def _after(state: str, word: str) -> str | None:
    """The next state; None: the transition is invalid."""
    if word == "RETRY":
        return "QUEUED" if state in {"FAILED", "TIMED_OUT"} else None
    if state in _FINAL:
        return None
    if word == "TIMER":
        return "TIMED_OUT" if state == "IN_PROGRESS" else None
    if word == "CANCEL":
        return "CANCELED" if state == "QUEUED" else None
    return {"START": "IN_PROGRESS", "FORCE_CANCEL": "CANCELED"}.get(word, word)
