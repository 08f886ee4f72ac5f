"""What the lines of evidence hold: the words of `device` and of whoever reads them later."""

import hashlib
from typing import Any

from producers.device.trust.agreement import counter
from producers.device.trust.cycle import Verified
from producers.device.trust.refusal import RefusedError
from schemas.records import OtaAck


def of_verified(verified: Verified, release_id: str) -> dict[str, Any]:
    """A verified image: what it is, and by which files, each with version and SHA-256."""
    target = verified.target
    return {
        "release_id": release_id,
        "path": target.path,
        "length": target.length,
        "hashes": dict(target.hashes),
        "counter": counter(target),
        "metadata": {
            repo: {
                one.role: {"version": one.version, "sha256": hashlib.sha256(one.data).hexdigest()}
                for one in documents
            }
            for repo, documents in verified.metadata.items()
        },
    }


def of_refusal(error: RefusedError, release_id: str) -> dict[str, Any]:
    """An update that was refused, and by which rule."""
    return {
        "release_id": release_id,
        "repo": error.repo,
        "role": error.role,
        "version": error.version,
        "reason": error.reason.value,
        "rule": error.rule,
    }


def of_ack(ack: OtaAck) -> dict[str, Any]:
    """A step of an attempt, as its acknowledgement tells it."""
    return {
        "release_id": ack.release_id,
        "attempt": ack.attempt,
        "seq": ack.seq,
        "state": ack.state.value,
        "reason": ack.reason_code,
        "running": ack.model_digest,
        "slot": ack.slot.value,
        "boot": ack.boot_id,
    }
