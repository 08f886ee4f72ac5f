"""Leakage: related examples on both sides of a split, found, and kept out."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.examples import Example, Examples, Split, crossing
from schemas.fingerprints import near_pairs, stacked
from schemas.records import LeakageAudit

_TOLD: Final = 5


class LeakageError(ValueError):
    """Related examples stand on both sides of a split; the message names the first of them."""


class Leak(NamedTuple):
    """Two examples that must not be parted, and what relates them."""

    kind: str
    name: str
    train: str
    validation: str


def leaks(examples: Sequence[Example]) -> list[Leak]:
    """Every relation that crosses the split.

    Encounters, pictures and devices by name; near pictures by fingerprint. A test drive, which no
    device sent, is one recorder: its encounters are told apart, not the drive. An example of a
    manifest from before fingerprints is compared by name alone.
    """
    held = Examples.of(examples)
    found = sorted(leak for kind in _NAMED for leak in _crossing(kind, held))
    train, other = _side(held, Split.TRAIN), _side(held, Split.VALIDATION)
    pairs = ((train[i], other[j]) for i, j in near_pairs(_prints(train), _prints(other)))
    found += sorted(
        Leak("near picture", one.frame_digest, one.example_id, another.example_id)
        for one, another in pairs
    )
    return found


def audit(examples: Sequence[Example]) -> LeakageAudit:
    """The certificate that nothing related stands on both sides.

    Raises:
        LeakageError: Something does.
    """
    found = leaks(examples)
    if found:
        told = "; ".join(
            f"{leak.kind} {leak.name}: {leak.train} trains, {leak.validation} validates"
            for leak in found[:_TOLD]
        )
        raise LeakageError(f"{len(found)} relations cross the split: {told}")
    return certificate(examples)


def certificate(examples: Sequence[Example]) -> LeakageAudit:
    """What is announced of examples in which `leaks` finds nothing: the relations it compared."""
    held = Examples.of(examples)
    named = (_related(kind, held).column(name) for kind, name in _NAMED.items())
    return LeakageAudit(checked=sum(pc.count_distinct(one).as_py() for one in named), violations=0)


def parted(kept: Sequence[Example], added: Sequence[Example]) -> Examples:
    """Those of the added whose picture is near to none on the other side.

    The kept ones stay: a dataset never changes what it held. Of two added ones the validating goes.
    """
    held, new = Examples.of(kept), Examples.of(added)
    near = _near(new, held.followed_by(new), Split.VALIDATION) | _near(new, held, Split.TRAIN)
    return new.where(~near)


def _near(added: Examples, others: Examples, side: Split) -> NDArray[np.bool_]:
    """Bool [added]: those on one side that are near to one of the others on the other."""
    near = np.zeros(len(added), dtype=bool)
    mine = np.flatnonzero(pc.equal(added.column("split"), side).to_numpy())
    theirs = _side(others, next(other for other in Split if other is not side))
    pairs = near_pairs(_prints(added)[mine], _prints(theirs))
    near[mine[[i for i, _ in pairs]]] = True
    return near


def _side(examples: Examples, side: Split) -> Examples:
    """Those on one side that have a fingerprint."""
    has_one = pc.greater(pc.binary_length(examples.column("fingerprint")), 0)
    return examples.where(pc.and_(has_one, pc.equal(examples.column("split"), side)))


def _prints(examples: Examples) -> NDArray[np.uint8]:
    """Their fingerprints, all of which they have."""
    return stacked(examples.column("fingerprint").chunks)


def _crossing(kind: str, examples: Examples) -> Iterable[Leak]:
    """Of each name on both sides, the first example of each."""
    related, name = _related(kind, examples), _NAMED[kind]
    names = crossing(related, name)
    first: dict[tuple[str, Split], str] = {}
    for one in related.where(pc.is_in(related.column(name), names)):
        first.setdefault((getattr(one, name), one.split), one.example_id)
    return (
        Leak(kind, each, first[each, Split.TRAIN], first[each, Split.VALIDATION])
        for each in names.to_pylist()
    )


def _related(kind: str, examples: Examples) -> Examples:
    """Those that a kind of name relates: of a test drive all have one device."""
    if kind != "device":
        return examples
    return examples.where(pc.not_equal(examples.column("source_topic"), ""))


_NAMED: Final = {"device": "device_id", "encounter": "encounter_id", "picture": "frame_digest"}
"""What relates examples by a name, and the field that holds it."""
