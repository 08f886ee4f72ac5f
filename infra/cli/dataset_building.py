"""`fleetloop datasets build`: see to it that a dataset's manifest is there."""

import os
import time
from typing import Annotated, Final

import typer

from infra.cli.dataset_log import read_datasets
from infra.cli.log import read_whole
from infra.cli.output import Exit, Format, FormatOption, fail, say, show
from infra.datasets import rebuilding
from infra.datasets.ordering import OrderError, cut_order
from infra.kafka.publisher import Publisher
from infra.objects import ObjectStore
from infra.settings import Settings
from schemas.codec import Codec
from schemas.dataset_lines import LineView
from schemas.records import DatasetManifest, ManifestKind
from schemas.registry import registry_from
from schemas.topics import DATASET_MANIFESTS, ERASURES
from schemas.validation import check

_LOOK_EVERY_S: Final = 1.0


def build(
    dataset_id: Annotated[str, typer.Argument(help="the dataset")],
    by: Annotated[str, typer.Option("--by", help="who orders the cut of an open question")] = "",
    reason: Annotated[str, typer.Option("--reason", help="why, in your words")] = "",
    timeout_s: Annotated[float, typer.Option(help="wait for the worker so long", min=1)] = 900.0,
    output: FormatOption = Format.TABLE,
) -> None:
    """See to it that a dataset is built: cut its open question, or build it again from the log.

    While its question is open, --by orders the dataset worker to cut it with the answers there
    are; 5: it took longer. Afterwards the dataset is built once more by its cut, and put back
    where the store lost it; 3: the log does not give what was announced.
    """
    settings = Settings()
    log = read_datasets(settings)
    last = log.of(dataset_id)[-1]
    if last.kind is ManifestKind.ASSEMBLED:
        _again(settings, last)
    else:
        if last.kind is not ManifestKind.CUT:
            _order(settings, log.book.line(last.line), dataset_id, by, reason)
        last = _waited(settings, dataset_id, timeout_s)
    row = {"examples": sum(last.counts.values()), "digest": last.manifest_digest}
    show([{"dataset_id": dataset_id, **row, "manifest": last.manifest_uri}], output)


def _again(settings: Settings, dataset: DatasetManifest) -> None:
    name = dataset.dataset_id
    facts = [*read_whole(settings, ERASURES), *read_whole(settings, DATASET_MANIFESTS)]
    objects = ObjectStore(settings.objects_url)
    try:
        found = rebuilding.rebuilt(settings, rebuilding.history(facts, name), dataset.line)
        restored = rebuilding.restore(objects, dataset, found)
    except rebuilding.RebuildError as error:
        fail(str(error), Exit.CONDITION_NOT_MET)
    stands = "was put back" if restored else "stands there"
    say(f"{name}: the log gives {found.digest}, as announced; {stands}")


def _order(settings: Settings, view: LineView, dataset_id: str, by: str, reason: str) -> None:
    """Order the cut; the worker that leads the line reads it."""
    for name, value in (("--by", by), ("--reason", reason)):
        if not value.strip():
            fail(f"the question of {dataset_id} is open; to cut it say {name}", Exit.USAGE)
    now_us = time.time_ns() // 1_000
    try:
        record = cut_order(view, dataset_id, by=by, reason=reason, now_us=now_us)
    except OrderError as error:
        fail(str(error), Exit.CONDITION_NOT_MET)
    check(DATASET_MANIFESTS, record, now_us)
    codec = Codec(registry_from(settings.registry_url))
    with Publisher(settings.kafka, codec, f"fleetloop.datasets-{os.getpid()}") as publisher:
        publisher.publish(DATASET_MANIFESTS, record)
    say(f"{dataset_id}: its cut is ordered; what is answered later enters the next dataset")


def _waited(settings: Settings, dataset_id: str, timeout_s: float) -> DatasetManifest:
    deadline = time.monotonic() + timeout_s
    while (last := read_datasets(settings).of(dataset_id)[-1]).kind is not ManifestKind.ASSEMBLED:
        if time.monotonic() > deadline:
            fail(
                f"{dataset_id} is not assembled after {timeout_s:g} s, its last step is "
                f"{last.kind}: look whether `fleetloop worker run dataset` runs; it goes on "
                "without this command",
                Exit.TIMED_OUT,
            )
        time.sleep(_LOOK_EVERY_S)
    return last
