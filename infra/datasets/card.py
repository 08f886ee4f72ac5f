"""The data card of an export: README.md with the header that Hugging Face reads.

After Gebru et al., Datasheets for Datasets (2021): what is in it, where it comes from, how it was
chosen and labelled, what was left out, and what it cannot be used for.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

from infra.datasets.export import Feature
from schemas import moments
from schemas.examples import Example, Split
from schemas.forgotten import Loss
from schemas.manifests import origin_of
from schemas.records import DatasetManifest
from schemas.sound_strips import RATE_HZ, STEP, WINDOW

_SIZES: Final = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"))
_LARGER: Final = "100K<n<1M"


@dataclass(frozen=True, slots=True)
class Facts:
    """What a card tells.

    Attributes:
        dataset: The record that announced it.
        examples: Those that are exported.
        classes: Names in the order of the labels' integers.
        losses: What erasures took since it was assembled, and is not exported.
        embedded: Whether the files hold the pictures, or link them.
        licence: As the header names it.
    """

    dataset: DatasetManifest
    examples: Sequence[Example]
    classes: Sequence[str]
    feature: Feature
    losses: Sequence[Loss]
    embedded: bool
    licence: str


def card(facts: Facts) -> str:
    """The text of README.md."""
    sections = {
        "What is in it": _contents(facts),
        "Where it comes from": _sources(facts.dataset, facts.examples),
        "How it was chosen": _choice(facts.dataset),
        "How it was labelled": _labels(facts.dataset),
        "What was left out": _left_out(facts),
        "Limits": _limits(facts),
    }
    body = "\n\n".join(f"## {title}\n\n" + "\n".join(lines) for title, lines in sections.items())
    header = yaml.safe_dump(_header(facts), sort_keys=False, allow_unicode=True)
    return f"---\n{header}---\n\n# {facts.dataset.dataset_id}\n\n{body}\n"


def _header(facts: Facts) -> Mapping[str, Any]:
    count = len(facts.examples)
    splits = [split for split in Split if any(one.split is split for one in facts.examples)]
    return {
        "pretty_name": facts.dataset.dataset_id,
        "license": facts.licence,
        "task_categories": [facts.feature.task],
        "size_categories": [next((name for below, name in _SIZES if count < below), _LARGER)],
        "configs": [
            {
                "config_name": "default",
                "data_files": [
                    {"split": split.lower(), "path": f"data/{split.lower()}-*.parquet"}
                    for split in splits
                ],
            }
        ],
    }


def _contents(facts: Facts) -> Iterator[str]:
    tally = Counter((one.label, one.split) for one in facts.examples)
    how = (
        "The files hold them."
        if facts.embedded
        else "The files link them: `path` is the address in the object store."
    )
    yield (
        f"{len(facts.examples)} examples of {len(facts.classes)} classes; an example is one "
        f"encounter of one device: all of its frames in one object (`{facts.feature.column}`) with "
        f"one label. {how}"
    )
    if facts.feature.column == "image":
        yield "Frames are 32 x 32 RGB and stand side by side, far to near: cut every 32 pixels."
    else:
        yield (
            f"A WAV at {RATE_HZ} Hz; frames are windows of {WINDOW} samples, each {STEP} after the "
            "one before."
        )
    yield ""
    yield "| class | label | train | validation |"
    yield "|---|---|---|---|"
    for label, name in enumerate(facts.classes):
        train, validation = tally[name, Split.TRAIN], tally[name, Split.VALIDATION]
        yield f"| {_cell(name)} | {label} | {train} | {validation} |"


def _sources(dataset: DatasetManifest, examples: Sequence[Example]) -> Iterator[str]:
    origins = Counter(origin_of(one) for one in examples)
    devices = {one.device_id for one in examples}
    yield f"Recorded as `{dataset.source}`, by {len(devices)} devices; examples by origin:"
    yield ""
    yield from (f"* {name}: {count}" for name, count in sorted(origins.items()))
    yield ""
    yield (
        "`source_topic`, `source_topic_id`, `source_partition` and `source_offset` name the record "
        "of each example; the test drive has none. Read for this dataset:"
    )
    yield ""
    for span in dataset.inputs:
        yield f"* {span.topic}/{span.partition}: offsets {span.first_offset} to {span.last_offset}"
    if not dataset.inputs:
        yield "* nothing: it begins its line"


def _choice(dataset: DatasetManifest) -> Iterator[str]:
    if dataset.parent is None:
        yield "It is the test drive a line begins with: driven and labelled whole, not chosen."
        return
    yield (
        f"It continues `{dataset.parent}`, keeps its examples and sides, and adds what people "
        "labelled: the encounters nearest to the centroids of a weighted k-means over what the "
        "fleet sent, weight (1 - margin) squared. So it holds more of what the model was unsure of "
        "than the road does; its class balance is no estimate of how often a class occurs."
    )
    yield f"Labels paid so far in the line: {dataset.label_cost} of {dataset.budget}."
    yield (
        "Devices are on one side of the split; what is near to something on the other is left out."
    )


def _labels(dataset: DatasetManifest) -> Iterator[str]:
    if dataset.parent is None:
        yield "With the drive, by whoever drove it."
        return
    yield "One label for all frames of an encounter, by people."
    if (agreed := dataset.agreement) is None:
        yield "No two people labelled the same encounter: agreement is not known."
        return
    alpha = "not defined" if agreed.alpha is None else f"{agreed.alpha:.3f}"
    yield (
        f"Of {agreed.encounters} encounters that several people labelled, they agreed on "
        f"{agreed.agreeing}; Krippendorff's alpha (nominal) is {alpha}, over the whole line."
    )


def _left_out(facts: Facts) -> Iterator[str]:
    left_out = {name: count for name, count in facts.dataset.excluded.items() if count}
    yield from (f"* {name}: {count}" for name, count in sorted(left_out.items()))
    for loss in facts.losses:
        at = moments.spell(loss.until_us)
        yield f"* erasure `{loss.erasure_id}` of {at}: {loss.examples}, assembled and not exported"
    if not left_out and not facts.losses:
        yield "Nothing."


def _limits(facts: Facts) -> Iterator[str]:
    yield (
        "* An erasure does not reach a copy of these files: `device_id` names the rows to remove; "
        "`fleetloop erasures list` names the devices."
    )
    if facts.dataset.source == "simulated":
        yield "* It is simulated, labels included: nothing learnt from it is about the real world."
    validation = sum(one.split is Split.VALIDATION for one in facts.examples)
    yield (
        f"* The validation side has {validation} encounters; with fewer than 30 of a class its "
        "share says little."
    )
    yield "* One label an encounter: a frame in which nothing can be seen carries it too."


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
