"""Acknowledgements that say what cannot be, judged by facts that no later record changes.

Every release proposed, wave opened and order given up to the newest record of a batch has been read
before the batch is judged, so a rebuild judges as the first run did.
"""

from collections.abc import Sequence
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.cohorts import membership
from schemas.records import AckState
from streams.processor import LogBatch
from streams.rollout.proposals import Proposals, objection

Flags = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Share = tuple[int, float]
"""Stamp from which that share of a stratum may take a release; stamps and shares rise."""
_EVER: Final = np.iinfo(np.int64).max
_RUNS_IT: Final = frozenset({AckState.TRIAL_BOOT, AckState.COMMITTED})


class Entitlements(Protocol):
    """Who may take a release, and which models there are."""

    def entitled(self, release_id: str, stratum: str) -> Sequence[Share]:
        """From when which share of the stratum may take the release."""

    def released(self, digest: str) -> int | None:
        """Stamp of the first release with this model; None: none has it."""

    def retired_us(self, release_id: str) -> int | None:
        """Stamp from which a release is history; None: none yet."""


class Everybody:
    """No waves and no list of models: every device may have taken what was proposed."""

    def entitled(self, _release_id: str, _stratum: str) -> Sequence[Share]:
        """All of them from the beginning."""
        return ((0, 1.0),)

    def released(self, _digest: str) -> int | None:
        """From the beginning."""
        return 0

    def retired_us(self, _release_id: str) -> int | None:
        """Never."""
        return None


EVERYBODY: Final = Everybody()


class AckJudge:
    """Finds the acknowledgements that cannot be.

    Args:
        proposals: Every release proposed so far.
        entitlements: Who may take it, likewise.
    """

    def __init__(self, proposals: Proposals, entitlements: Entitlements) -> None:
        self._proposals, self._entitlements = proposals, entitlements

    def wrong(self, batch: LogBatch) -> Flags:
        """Which rows cannot be, bool[n]; each release in each stratum is looked up once."""
        rows = batch.rows
        releases, strata = (
            pc.dictionary_encode(rows.column(name)) for name in ("release_id", "hardware")
        )
        found: Flags = rows.column("attempt").to_numpy() < 1
        found |= self._unreleased(rows, batch.stamps_us)
        pairs = releases.indices.to_numpy().astype(np.int64) * len(strata.dictionary)
        pairs += strata.indices.to_numpy()
        for pair in np.unique(pairs).tolist():
            release, stratum = divmod(pair, len(strata.dictionary))
            at = np.flatnonzero(pairs == pair)
            places = (releases.dictionary[release].as_py(), strata.dictionary[stratum].as_py())
            found[at] |= self._foreign(*places, rows.column("device_id"), batch.stamps_us, at)
        return found

    def why(self, row: dict[str, Any], stamp_us: int) -> tuple[str, str]:
        """Field and reason of a row that cannot be."""
        release_id, stratum = row["release_id"], row["hardware"]
        known = objection(self._proposals(release_id), release_id, stratum, stamp_us)
        if known is not None:
            return known
        if stamp_us >= self._retired_from(release_id):
            return "release_id", (
                f"release {release_id} is history: newer ones have been completed in all its "
                "strata, so that nobody is to run it, and its devices are not counted any more"
            )
        if row["attempt"] < 1:
            return "attempt", f"attempt {row['attempt']}: attempts are counted from 1"
        if row["state"] in _RUNS_IT and self._unknown(row["model_digest"], stamp_us):
            return "model_digest", f"model {row['model_digest']} was never released"
        share = _share_at(self._entitlements.entitled(release_id, stratum), stamp_us)
        return "device_id", (
            f"device {row['device_id']} is not in the {share:.2%} of {stratum} that "
            f"{release_id} was open to"
        )

    def _foreign(
        self, release_id: str, stratum: str, devices: pa.Array, stamps_us: Ints, at: Ints
    ) -> Flags:
        """Which of the rows `at` speak of a release that was not proposed or not open to them."""
        known = self._proposals(release_id)
        if known is None or objection(known, release_id, stratum, _EVER) is not None:
            return np.ones(len(at), bool)
        steps = ((0, 0.0), *self._entitlements.entitled(release_id, stratum))
        stamps, shares = (np.array(column) for column in zip(*steps, strict=True))
        share = shares[np.searchsorted(stamps, stamps_us[at], side="right") - 1]
        found: Flags = stamps_us[at] < known.stamp_us
        found |= stamps_us[at] >= self._retired_from(release_id)
        few = np.flatnonzero(share < 1.0)
        names = devices.take(pa.array(at[few])).to_pylist()
        place = {name: membership(known.record.salt, name) for name in set(names)}
        found[few] |= np.array([place[name] for name in names], float) >= share[few]
        return found

    def _retired_from(self, release_id: str) -> int:
        """Stamp from which nothing is said of a release any more."""
        since_us = self._entitlements.retired_us(release_id)
        return _EVER if since_us is None else since_us

    def _unreleased(self, rows: pa.RecordBatch, stamps_us: Ints) -> Flags:
        """Rows that say that a model runs which no release before them has."""
        runs = pc.is_in(rows.column("state"), pa.array(sorted(_RUNS_IT)))
        digests = pc.dictionary_encode(rows.column("model_digest"), null_encoding="encode")
        since = np.array([self._since(digest) for digest in digests.dictionary.to_pylist()])
        found: Flags = stamps_us < since[digests.indices.to_numpy()]
        found &= np.asarray(runs)
        return found

    def _unknown(self, digest: str | None, stamp_us: int) -> bool:
        return stamp_us < self._since(digest)

    def _since(self, digest: str | None) -> int:
        """Stamp from which a digest is that of a release; one that is not stated is not judged."""
        if digest is None:
            return 0
        since = self._entitlements.released(digest)
        return _EVER if since is None else since


def _share_at(steps: Sequence[Share], stamp_us: int) -> float:
    return max((share for since, share in steps if since <= stamp_us), default=0.0)
