"""From encounters that devices met to those that are labelled, as the loop does it."""

from collections import defaultdict
from collections.abc import Sequence
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from infra.learning.site import DEVICES
from infra.learning.strategies import Arrived, Doubt, Strategy
from producers.camera.camera import Encounter, parse_encounter_id
from producers.device.encounters import Glimpse, Meeting
from producers.device.engine import Engine
from producers.device.identity import fraction
from producers.device.shortlist import Shortlist

_OVERSHOOT = 2
"""A device hands on so many times its share of the budget."""


def glimpses(model: bytes, encounters: Sequence[Encounter]) -> list[Glimpse]:
    """What a model makes of whole encounters, frame by frame as on a device."""
    engine = Engine(model, sha256(model).hexdigest())
    return [_glimpse(engine, encounter) for encounter in encounters]


def _glimpse(engine: Engine, encounter: Encounter) -> Glimpse:
    meeting = Meeting(encounter)
    found = engine.answer([meeting.look() for _ in range(meeting.left)])
    for row in range(len(found.top1)):
        meeting.answer(
            found.top1[row],
            found.confidence[row],
            found.margin[row],
            found.entropy[row],
            found.emb[row],
        )
    glimpse = meeting.glimpse()
    if glimpse is None:
        raise RuntimeError(f"encounter {encounter.encounter_id}: not every frame was answered")
    return glimpse


def mine(
    strategy: Strategy,
    met: Sequence[Encounter],
    seen: Sequence[Glimpse],
    known: NDArray[np.float32],
    *,
    budget: int,
    seed: int,
) -> list[Encounter]:
    """The encounters to label, at most `budget`.

    Args:
        strategy: The rule.
        met: What the fleet met.
        seen: What the first release made of each.
        known: Embeddings of what it was trained on, float32 [n, d] at unit length.
        budget: Labels to pay.
        seed: Of chance on the devices and of the choice at the centre.
    """
    arrived = sorted(_handed_on(strategy, met, seen, known, budget, seed))
    rows = np.array([row for _, _, row in arrived], np.int64)
    if strategy.pick is None:
        picked = np.arange(min(budget, len(rows)))
    else:
        picked = strategy.pick(_summary([seen[row] for row in rows], known), budget, seed)
    return [met[row] for row in rows[picked]]


def _handed_on(
    strategy: Strategy,
    met: Sequence[Encounter],
    seen: Sequence[Glimpse],
    known: NDArray[np.float32],
    budget: int,
    seed: int,
) -> list[tuple[float, str, int]]:
    size = -(-_OVERSHOOT * budget // DEVICES)
    lists: defaultdict[str, Shortlist[tuple[float, str, int]]] = defaultdict(
        lambda: Shortlist(size)
    )
    novelty = 1.0 - (np.stack([one.embedding for one in seen]) @ known.T).max(axis=1)
    for row, (encounter, glimpse) in enumerate(zip(met, seen, strict=True)):
        name = encounter.encounter_id
        score = strategy.score(Doubt(glimpse, float(novelty[row]), fraction(seed, "chance", name)))
        lists[parse_encounter_id(name)[0]].offer(score, name, (score, name, row))
    return [entry for each in lists.values() for entry in each.drain()]


def _summary(seen: Sequence[Glimpse], known: NDArray[np.float32]) -> Arrived:
    return Arrived(
        embeddings=np.stack([one.embedding for one in seen]),
        margins=np.array([one.margin for one in seen]),
        confidences=np.array([one.confidence for one in seen]),
        classes=np.array([one.top1 for one in seen], np.int64),
        known=known,
    )
