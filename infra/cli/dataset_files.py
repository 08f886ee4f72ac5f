"""`fleetloop datasets diff|audit|export`: what is in datasets, and whether it is so."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from infra.cli.dataset_log import manifest_of, read_datasets
from infra.cli.output import Exit, Format, FormatOption, fail, say, show, show_whole
from infra.datasets import checking
from infra.datasets import export as exporting
from infra.datasets.card import Facts, card
from infra.datasets.difference import difference
from infra.objects import ObjectStore
from infra.settings import Settings
from schemas.forgotten import losses, standing
from schemas.manifests import classes_of
from schemas.tasks import task_of

Dataset = Annotated[str, typer.Argument(help="the dataset")]


def diff(
    older: Annotated[str, typer.Argument(help="the dataset that was before")],
    newer: Annotated[str, typer.Argument(help="the one that came after")],
    output: FormatOption = Format.TABLE,
) -> None:
    """What changed from one dataset to another; as JSON with the ids of the examples."""
    settings = Settings()
    log, objects = read_datasets(settings), ObjectStore(settings.objects_url)
    before, after = log.assembled(older), log.assembled(newer)
    found = difference(manifest_of(before, objects), manifest_of(after, objects), log.erasures)
    if output is Format.JSON:
        show_whole({**asdict(found), "excluded": after.excluded})
        return

    changes = {
        "added": len(found.added),
        **{f"removed: {reason}": len(names) for reason, names in found.removed.items()},
        "relabelled": len(found.relabelled),
        "moved to the other side": len(found.moved),
        **{f"left out: {reason}": count for reason, count in after.excluded.items()},
    }
    show([{"what": what, "examples": count} for what, count in changes.items()], output)
    amounts = {**found.slices, **found.classes}
    show(
        [
            {"slice": name, "before": at.before, "after": at.after, "more": at.after - at.before}
            for name, at in amounts.items()
        ],
        output,
    )


def audit(dataset_id: Dataset, output: FormatOption = Format.TABLE) -> None:
    """Hold manifest, pictures and leakage certificate against what was announced.

    3: something is not as it was.
    """
    settings = Settings()
    log = read_datasets(settings)
    dataset = log.assembled(dataset_id)
    report = checking.audit(dataset, ObjectStore(settings.objects_url), log.erasures)
    show([asdict(one) for one in report.findings], output, empty="all is as it was announced")
    say(
        f"{dataset_id}: {report.examples} examples, {report.relations} relations held against the "
        f"split; {report.erased} examples are of devices erased since"
    )
    if report.findings:
        fail(f"{len(report.findings)} findings in {dataset_id}", Exit.CONDITION_NOT_MET)


def export(
    dataset_id: Dataset,
    to: Annotated[Path, typer.Option("--to", help="a folder that is not there yet")],
    *,
    embed: Annotated[
        bool, typer.Option("--embed", help="put the pictures in; without it they are linked")
    ] = False,
    licence: Annotated[
        str, typer.Option(help="of the pictures, for the card: as Hugging Face names it")
    ] = "unknown",
) -> None:
    """Write a dataset as Parquet for polars, pandas and Hugging Face datasets, with its card.

    Examples of devices erased since it was assembled are left out, and the card says so.
    """
    settings = Settings()
    log, objects = read_datasets(settings), ObjectStore(settings.objects_url)
    dataset = log.assembled(dataset_id)
    manifest = manifest_of(dataset, objects)
    examples = standing(manifest, log.erasures)
    classes = classes_of(manifest)
    feature = exporting.FEATURES[task_of(manifest).medium.media_type]
    facts = Facts(
        dataset=dataset,
        examples=examples,
        classes=classes,
        feature=feature,
        losses=losses(manifest, log.erasures),
        embedded=embed,
        licence=licence,
    )
    try:
        exporting.write(to, examples, classes, feature, card(facts), objects if embed else None)
    except exporting.ExportError as error:
        fail(f"{dataset_id} is not exported: {error}", Exit.CONDITION_NOT_MET)
    say(f"{dataset_id}: {len(examples)} examples in {to}")
