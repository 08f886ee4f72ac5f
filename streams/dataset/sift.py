"""From edge cases to candidates, a stretch of the log at a time, in bounded memory."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.manifests import Manifest
from schemas.name_hashes import Hashes, hashed
from schemas.question_sheets import QuestionSheet
from schemas.tasks import task_of
from streams.dataset.candidates import Candidates, Sighting, Sightings
from streams.dataset.codes import quantised
from streams.dataset.names import RecentNames
from streams.dataset.near_memory import NearMemory
from streams.dataset.policy import DatasetPolicy

_EPOCHS: Final = 16
"""So many times while memory fills once, the oldest sixteenth is forgotten."""


@dataclass(frozen=True, slots=True)
class Continued:
    """What the successor of a dataset goes by.

    Attributes:
        names: Encounters and digests that the dataset holds, and what its line asked about.
        media_type: Of its line; other lines share the topic.
    """

    names: Hashes
    media_type: str


def continued(head: Manifest, names: Iterable[str], asked: QuestionSheet) -> Continued:
    """What the successor of a dataset goes by.

    Args:
        head: Its manifest; only what is said of all examples matters.
        names: Encounters and digests that it holds.
        asked: What its line asked about, answered or not.

    Raises:
        ManifestError: Its task is not known.
    """
    known = np.concatenate([hashed(names), asked.encounters()])
    return Continued(known, task_of(head).medium.media_type)


class Sift:
    """Keeps one sighting of each encounter, without duplicates and what the dataset knows.

    Each record is judged by the records before it, in the order they are taken: partition by
    partition, offset by offset. What is kept is the same however the log was read in pieces.
    Memory: `policy.kept_embeddings` embeddings as whole numbers, twice as many names of 8 bytes
    twice, and `policy.max_candidates` sightings, twice while they come.

    Args:
        policy: Of the line.
        parent: The dataset that is continued.
    """

    def __init__(self, policy: DatasetPolicy, parent: Continued) -> None:
        self._media_type = parent.media_type
        self._limit = policy.max_candidates
        self._epoch = max(1, policy.kept_embeddings // _EPOCHS)
        self._room = max(1, policy.kept_embeddings - self._epoch)
        self._encounters = RecentNames(parent.names)
        self._digests = RecentNames(parent.names)
        self._near = NearMemory(policy.near_duplicate_cosine)
        self._pool: list[Sighting] = []
        self._bar = np.inf
        self._judged = self._kept = 0
        self._excluded: Counter[str] = Counter()

    def take(self, block: Sightings) -> None:
        """Judge the next records of the log."""
        begin = 0
        while begin < len(block):
            end = min(len(block), begin + self._epoch - self._judged % self._epoch)
            self._judge(block.slice(begin, end))
            self._judged += end - begin
            begin = end
            if self._judged % self._epoch == 0:
                for memory in (self._encounters, self._digests, self._near):
                    memory.keep_last(self._room)

    def candidates(self) -> Candidates:
        """The least certain of what was kept, at most `policy.max_candidates`, in a fixed order."""
        self._prune()
        over = self._kept - len(self._pool)
        excluded = self._excluded + Counter({"OVER_LIMIT": over})
        return Candidates(tuple(self._pool), excluded)

    def _judge(self, block: Sightings) -> None:
        rows = self._left(np.arange(len(block)), self._of_line(block), "OTHER_MEDIUM")
        rows = self._left(rows, block.numbers("consent")[rows] == 1, "NO_CONSENT")
        rows = self._left(rows, block.dimensions()[rows] > 0, "NO_EMBEDDING")
        encounters = hashed(block.strings("encounter_id"))[rows]
        digests = hashed(block.strings("frame_digest"))[rows]
        is_new = self._encounters.take(encounters)
        is_unseen = self._digests.take(digests)[is_new]
        rows = self._left(rows, is_new, "SAME_ENCOUNTER")
        rows = self._left(rows, is_unseen, "EXACT_DUPLICATE")
        rows = self._left(rows, self._first_of_near(block, rows), "NEAR_DUPLICATE")
        self._kept += len(rows)
        doubtful = rows[block.numbers("margin")[rows] <= self._bar]
        self._pool += block.sightings(doubtful)
        if len(self._pool) > 2 * self._limit:
            self._prune()

    def _of_line(self, block: Sightings) -> NDArray[np.bool_]:
        kinds = block.rows.column("frame_media_type")
        found: NDArray[np.bool_] = pc.equal(kinds, self._media_type).to_numpy(zero_copy_only=False)
        return found

    def _left(
        self, rows: NDArray[np.int64], passes: NDArray[np.bool_], reason: str
    ) -> NDArray[np.int64]:
        if out := len(rows) - int(passes.sum()):
            self._excluded[reason] += out
        return rows[passes]

    def _first_of_near(self, block: Sightings, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Bool [rows]: those near to none that is kept."""
        widths, models = block.dimensions()[rows], block.strings("model_digest")
        kept = np.zeros(len(rows), dtype=bool)
        for width in np.unique(widths):
            places = np.flatnonzero(widths == width)
            codes = quantised(block.embeddings(rows[places]))
            kept[places] = self._near.take([models[row] for row in rows[places]], codes)
        return kept

    def _prune(self) -> None:
        self._pool.sort(key=lambda sighting: (sighting.margin, sighting.encounter_id))
        # An encounter that came back when its name was forgotten stands by its least margin.
        distinct = {one.encounter_id: one for one in reversed(self._pool)}
        self._pool = [*reversed(distinct.values())][: self._limit]
        if len(self._pool) == self._limit:
            self._bar = self._pool[-1].margin
