"""The next manifest: the parent's examples and the newly labelled ones."""

from collections.abc import Collection, Iterable, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from schemas.examples import Example, Examples, Split
from schemas.manifests import OBEYED, Manifest, classes_metadata, classes_of
from schemas.question_sheets import Question
from schemas.topics import EDGE_CASES
from streams.dataset.identity import device_fraction


def additions(
    labelled: Sequence[Question],
    fingerprints: Mapping[str, bytes],
    *,
    validation_share: float,
) -> list[Example]:
    """One example for each labelled question whose picture is there, in a fixed order.

    All encounters that a device adds fall on the same side of the split.

    Args:
        labelled: Questions that have a label.
        fingerprints: Of each picture that could be read, by its digest.
        validation_share: Share of devices that validate.
    """
    added = [
        _example(question, label, fingerprints[question.frame_digest], validation_share)
        for question in labelled
        if (label := question.ballot.label) is not None and question.frame_digest in fingerprints
    ]
    return sorted(added, key=lambda example: example.example_id)


def without(parent: Manifest, gone: Collection[str]) -> Manifest:
    """The parent without the examples whose label no longer stands, by edge case."""
    examples = Examples.of(parent.examples)
    left = pc.is_in(examples.column("example_id"), pa.array([*gone], pa.string()))
    return Manifest(examples.where(pc.invert(left)), parent.metadata)


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


def counts(examples: Examples) -> Mapping[str, int]:
    """Examples by split/class."""
    found = examples.rows.group_by(["split", "label"]).aggregate([([], "count_all")])
    names = pc.binary_join_element_wise(found["split"], found["label"], "/")
    return dict(sorted(zip(names.to_pylist(), found["count_all"].to_pylist(), strict=True)))


def _example(
    question: Question, label: str, fingerprint: bytes, validation_share: float
) -> Example:
    validates = device_fraction(question.device_id) < validation_share
    return Example(
        example_id=question.event_id,
        encounter_id=question.encounter_id,
        device_id=question.device_id,
        split=Split.VALIDATION if validates else Split.TRAIN,
        label=label,
        frame_uri=question.frame_uri,
        frame_digest=question.frame_digest,
        source_topic=EDGE_CASES.name,
        source_topic_id=question.topic_id,
        source_partition=question.partition,
        source_offset=question.offset,
        weight=1.0,
        fingerprint=fingerprint,
    )
