"""Ids of what assembly writes: functions of the inputs, so that a replay writes the same."""

import hashlib
from collections.abc import Iterable

from schemas.records import OffsetRange


def digest_of(*parts: str) -> str:
    """SHA-256 in hex over length-prefixed parts, so that no two lists of parts collide."""
    state = hashlib.sha256()
    for part in parts:
        body = part.encode()
        state.update(len(body).to_bytes(8, "big"))
        state.update(body)
    return state.hexdigest()


def step_id(line: str, seq: int) -> str:
    """event_id of the record at a place of a line."""
    return digest_of("dataset-manifests", line, str(seq))[:32]


def request_id(ask_id: str, encounter_id: str, review: int) -> str:
    """event_id of a label request: hash(ask, encounter, which answer), so that none is paid twice.

    Args:
        ask_id: The ASK record.
        encounter_id: What is asked about.
        review: Which answer, from 1.
    """
    which = [str(review)] if review > 1 else []  # ids of first answers are as they always were
    return digest_of("label-requests", ask_id, encounter_id, *which)[:32]


def dataset_id(line: str, parent: str | None, ranges: Iterable[OffsetRange]) -> str:
    """Name of a dataset: its line and a hash of its parent and of the log it was cut from."""
    spans = sorted(
        f"{r.topic_id}/{r.topic}/{r.partition}/{r.first_offset}-{r.last_offset}" for r in ranges
    )
    return f"{line}-{digest_of(line, parent or '', *spans)[:12]}"


def device_fraction(device_id: str) -> float:
    """A device's fixed place in [0, 1): all its encounters fall on the same side of a split."""
    head = hashlib.sha256(f"split/{device_id}".encode()).digest()[:8]
    return int.from_bytes(head, "big") / 2**64
