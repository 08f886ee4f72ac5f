"""The next manifest: the parent's examples and the newly labelled ones, splits proved clean."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from schemas.erasures import ErasureBook
from schemas.manifests import (
    OBEYED,
    Example,
    Manifest,
    Split,
    classes_metadata,
    classes_of,
    obeyed_until_us,
)
from schemas.records import LeakageAudit
from schemas.topics import EDGE_CASES
from streams.dataset.candidates import Sighting
from streams.dataset.identity import device_fraction


class LeakageError(ValueError):
    """Related examples stand on both sides of a split."""


def extend(
    parent: Sequence[Example],
    sightings: Sequence[Sighting],
    labels: Mapping[str, str],
    *,
    validation_share: float,
) -> list[Example]:
    """The parent's examples followed by one for each labelled sighting, in a fixed order.

    All encounters that a device adds fall on the same side of the split.

    Args:
        parent: Examples of the dataset that is continued.
        sightings: What was asked about.
        labels: Class name by encounter.
        validation_share: Share of devices that validate.
    """
    added = [
        _example(sighting, labels[sighting.encounter_id], validation_share)
        for sighting in sightings
        if sighting.encounter_id in labels
    ]
    added.sort(key=lambda example: example.example_id)
    return [*parent, *added]


def audit(examples: Sequence[Example]) -> LeakageAudit:
    """Check that no encounter and no picture stands on both sides of the split.

    Raises:
        LeakageError: One does; the message names it.
    """
    sides: dict[tuple[str, str], set[Split]] = defaultdict(set)
    for example in examples:
        sides["encounter", example.encounter_id].add(example.split)
        sides["picture", example.frame_digest].add(example.split)
    for (kind, name), found in sorted(sides.items()):
        if len(found) > 1:
            raise LeakageError(f"{kind} {name} stands in {' and '.join(sorted(found))}")
    return LeakageAudit(checked=len(sides), violations=0)


def kept(parent: Manifest, erasures: ErasureBook) -> Sequence[Example]:
    """The parent's examples without those of devices that were erased after it obeyed erasures.

    Raises:
        ManifestError: The parent does not say readably which erasures it obeys.
    """
    obeyed = obeyed_until_us(parent)
    return [
        each for each in parent.examples if erasures.covering(each.device_id, obeyed + 1) is None
    ]


def carry(
    parent: Manifest, labels: Iterable[str], *, dataset_id: str, obeyed_us: int = 0
) -> Mapping[str, str]:
    """The parent's metadata with the classes that are new appended, so that no index moves.

    Args:
        parent: The dataset that is continued.
        labels: Labels of what is added.
        dataset_id: The new dataset.
        obeyed_us: Stamp of the newest erasure that the new dataset obeys; 0: there is none.
    """
    known = classes_of(parent)
    classes = classes_metadata([*known, *sorted(set(labels) - set(known))])
    obeyed = {OBEYED: str(obeyed_us)} if obeyed_us else {}
    return {**parent.metadata, **obeyed, "classes": classes, "dataset_id": dataset_id}


def counts(examples: Sequence[Example]) -> Mapping[str, int]:
    """Examples by split/class."""
    tally = Counter(f"{example.split}/{example.label}" for example in examples)
    return dict(sorted(tally.items()))


def _example(sighting: Sighting, label: str, validation_share: float) -> Example:
    validates = device_fraction(sighting.device_id) < validation_share
    return Example(
        example_id=sighting.event_id,
        encounter_id=sighting.encounter_id,
        device_id=sighting.device_id,
        split=Split.VALIDATION if validates else Split.TRAIN,
        label=label,
        frame_uri=sighting.frame_uri,
        frame_digest=sighting.frame_digest,
        source_topic=EDGE_CASES.name,
        source_topic_id=sighting.topic_id,
        source_partition=sighting.partition,
        source_offset=sighting.offset,
        weight=1.0,
    )
