"""The candidates of a question: one per encounter, duplicates out, counted by reason."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Sighting:
    """One edge case with its place in the log: what choosing and lineage need.

    Attributes:
        embedding: L2-normalised, float32 [dimensions]; empty when the device sent none.
        margin: Smallest best-minus-second probability over the encounter's frames.
        stamp_us: The broker's stamp, UTC microseconds.
    """

    event_id: str
    device_id: str
    encounter_id: str
    frame_uri: str
    frame_digest: str
    margin: float
    consent: bool
    embedding: NDArray[np.float32]
    topic_id: str
    partition: int
    offset: int
    stamp_us: int


@dataclass(frozen=True, slots=True)
class Candidates:
    """What may be asked about, in a fixed order, and what was left out by reason."""

    sightings: Sequence[Sighting]
    excluded: Counter[str]

    def embeddings(self) -> NDArray[np.float32]:
        """Array [candidates, dimensions]."""
        return np.stack([s.embedding for s in self.sightings])

    def margins(self) -> NDArray[np.float64]:
        """Array [candidates]."""
        return np.array([s.margin for s in self.sightings])


def sift(
    sightings: Sequence[Sighting], known: frozenset[str], near_cosine: float, limit: int
) -> Candidates:
    """One sighting per encounter, without known encounters and duplicates.

    The result depends on the set of sightings alone: they are ordered by (encounter, margin,
    partition, offset) first, so that any way of reading the log gives the same candidates.

    Args:
        sightings: Edge cases read from the log.
        known: Encounters and frame digests of the dataset that is continued.
        near_cosine: Cosine above which two embeddings count as the same picture.
        limit: At most so many candidates, the least certain first.
    """
    excluded: Counter[str] = Counter()
    kept: list[Sighting] = []
    encounters: set[str] = set()
    digests: set[str] = set()
    for sighting in sorted(
        sightings, key=lambda s: (s.encounter_id, s.margin, s.partition, s.offset)
    ):
        reason = _refusal(sighting, encounters, digests, known)
        if reason is not None:
            excluded[reason] += 1
            continue
        encounters.add(sighting.encounter_id)
        digests.add(sighting.frame_digest)
        kept.append(sighting)
    kept.sort(key=lambda s: (s.margin, s.encounter_id))
    if len(kept) > limit:
        excluded["OVER_LIMIT"] = len(kept) - limit
        kept = kept[:limit]
    distinct = _far_apart(kept, near_cosine)
    if len(distinct) < len(kept):
        excluded["NEAR_DUPLICATE"] = len(kept) - len(distinct)
    return Candidates(distinct, excluded)


def _refusal(
    sighting: Sighting, encounters: set[str], digests: set[str], known: frozenset[str]
) -> str | None:
    if not sighting.consent:
        return "NO_CONSENT"
    if not sighting.embedding.size:
        return "NO_EMBEDDING"
    if sighting.encounter_id in encounters or sighting.encounter_id in known:
        return "SAME_ENCOUNTER"
    if sighting.frame_digest in digests or sighting.frame_digest in known:
        return "EXACT_DUPLICATE"
    return None


def _far_apart(sightings: Sequence[Sighting], near_cosine: float) -> list[Sighting]:
    """Drop each sighting too close to an earlier one; memory is [1024, n] floats at a time."""
    if not sightings:
        return []
    vectors = np.stack([s.embedding for s in sightings])
    keep = np.ones(len(sightings), dtype=bool)
    for begin in range(0, len(sightings), 1024):
        near = vectors[begin : begin + 1024] @ vectors.T > near_cosine
        for row, alike in enumerate(near, start=begin):
            if keep[row]:
                later = np.flatnonzero(alike[row + 1 :]) + row + 1
                keep[later] = False
    return [s for s, kept in zip(sightings, keep, strict=True) if kept]
