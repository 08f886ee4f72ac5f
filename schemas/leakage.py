"""Leakage: related examples on both sides of a split, found, and kept out."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from schemas.fingerprints import near_pairs
from schemas.manifests import Example, Split
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
    found = sorted(leak for kind in _NAMED for leak in _crossing(kind, examples))
    train = [one for one in examples if one.split is Split.TRAIN and one.fingerprint]
    other = [one for one in examples if one.split is Split.VALIDATION and one.fingerprint]
    pairs = near_pairs([one.fingerprint for one in train], [one.fingerprint for one in other])
    found += sorted(
        Leak("near picture", train[i].frame_digest, train[i].example_id, other[j].example_id)
        for i, j in pairs
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
    checked = sum(len({name for name, _ in _NAMED[kind](examples)}) for kind in _NAMED)
    return LeakageAudit(checked=checked, violations=0)


def parted(kept: Sequence[Example], added: Sequence[Example]) -> list[Example]:
    """Those of the added whose picture is near to none on the other side.

    The kept ones stay: a dataset never changes what it held. Of two added ones the validating goes.
    """
    near = _near(added, [*kept, *added], Split.VALIDATION) | _near(added, kept, Split.TRAIN)
    return [one for one in added if one.example_id not in near]


def _near(added: Sequence[Example], others: Sequence[Example], side: Split) -> set[str]:
    """Ids of the added on one side that are near to one of the others on the other."""
    mine = [one for one in added if one.split is side]
    theirs = [one for one in others if one.split is not side and one.fingerprint]
    pairs = near_pairs([one.fingerprint for one in mine], [one.fingerprint for one in theirs])
    return {mine[i].example_id for i, _ in pairs}


def _crossing(kind: str, examples: Sequence[Example]) -> Iterable[Leak]:
    """Of each name on both sides, the first example of each."""
    first: dict[str, Example] = {}
    found: dict[str, Leak] = {}
    for name, one in _NAMED[kind](examples):
        other = first.setdefault(name, one)
        if other.split is not one.split and name not in found:
            train, validates = (one, other) if one.split is Split.TRAIN else (other, one)
            found[name] = Leak(kind, name, train.example_id, validates.example_id)
    return found.values()


_NAMED: Final[Mapping[str, Callable[[Sequence[Example]], Iterable[tuple[str, Example]]]]] = {
    "device": lambda examples: ((one.device_id, one) for one in examples if one.source_topic),
    "encounter": lambda examples: ((one.encounter_id, one) for one in examples),
    "picture": lambda examples: ((one.frame_digest, one) for one in examples),
}
"""What relates examples by a name."""
