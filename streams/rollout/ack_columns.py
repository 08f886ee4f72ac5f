"""Acknowledgements as columns of numbers: what each proves about its attempt."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas import reasons as codes
from schemas.records import AckState, ModelRelease
from streams.rollout.acks import Acks
from streams.rollout.deadlines import Stamps
from streams.rollout.outcomes import DEFERRED, LOST, RANKS, SAFETY, Rank
from streams.rollout.slot_claims import CLAIMS

COLUMNS = ("device_id", "hardware", "attempt", "state", "reason_code", "model_digest", "slot")


def acks_of(rows: pa.RecordBatch, release: ModelRelease, attempts: int, stamps_us: Stamps) -> Acks:
    """What acknowledgements about one release say, in its strata only.

    COMMITTED counts only when the model that runs is the release's: without it the device is
    still trying. Going back by order is no failure, and is proved by another model that runs.
    Whoever says that the release runs on trial or for good claims the slot that runs.
    A failure is one for good, whichever attempt it ended, unless its code is transient and an
    attempt is left.

    Args:
        rows: n rows with at least `COLUMNS`.
        release: What was proposed.
        attempts: How often a device tries in all.
        stamps_us: int64[n], the broker's stamps, which do not go back.
    """
    states, reasons = rows.column("state"), rows.column("reason_code")
    ranks = _each(states, _rank, np.uint8)
    runs = _each(rows.column("model_digest"), lambda digest: digest == _digest(release), np.bool_)
    ordered = _each(reasons, lambda reason: reason == codes.ROLLBACK_ORDERED, np.bool_)
    ranks[(ranks == Rank.COMMITTED) & ~runs] = Rank.TRIAL_BOOT
    slots = _each(rows.column("slot"), lambda slot: CLAIMS.get(slot, 0), np.uint8)
    slots *= runs & ((ranks == Rank.TRIAL_BOOT) | (ranks == Rank.COMMITTED))
    ordered &= ranks == Rank.FAILED
    ranks[ordered] = np.where(runs[ordered], 0, Rank.ORDERED_BACK)
    marks = _each(states, lambda state: DEFERRED * (state == AckState.DEFERRED), np.uint8)
    marks |= _each(reasons, lambda reason: SAFETY * (reason == codes.SAFETY), np.uint8)
    numbers = rows.column("attempt").to_numpy().astype(np.int64)
    mendable = _each(reasons, lambda reason: reason in codes.TRANSIENT, np.bool_)
    mendable &= numbers < attempts
    marks |= LOST * ((ranks == Rank.FAILED) & ~mendable).astype(np.uint8)
    return Acks(
        devices=rows.column("device_id"),
        strata=_each(rows.column("hardware"), release.strata.index, np.uint8),
        attempts=numbers,
        ranks=ranks,
        marks=marks,
        slots=slots,
        rejects=_each(states, lambda state: state == AckState.REJECTED, np.bool_),
        stamps_us=stamps_us,
    )


def _rank(state: str) -> int:
    return RANKS.get(AckState(state), 0)


def _digest(release: ModelRelease) -> str:
    """Digest of the release's model; no device runs one without."""
    return release.artifact.digest if release.artifact is not None else ""


def _each(texts: pa.Array, found: Callable[[str], Any], kind: type) -> npt.NDArray[Any]:
    """A function of each text, called once for each different one; of none it is zero."""
    coded = pc.dictionary_encode(texts, null_encoding="encode")
    known = [0 if text is None else found(text) for text in coded.dictionary.to_pylist()]
    values: npt.NDArray[Any] = np.array(known, kind)[coded.indices.to_numpy()]
    return values
