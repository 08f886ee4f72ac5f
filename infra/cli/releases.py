"""`fleetloop releases`: where releases stand, and a person's orders about them."""

import dataclasses
import os
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from infra.cli.dataset_log import affected
from infra.cli.evidence_words import in_words
from infra.cli.log import read_book, read_ledger
from infra.cli.output import Exit, Format, FormatOption, fail, say, show
from infra.cli.release_following import Following, verdict
from infra.cli.release_rows import decision_row, release_row, stratum_rows
from infra.cli.useless_orders import useless
from infra.kafka.publisher import Publisher
from infra.keys import load_signer
from infra.objects import ObjectStore
from infra.orders import signed_order
from infra.settings import Settings
from schemas.codec import Codec
from schemas.decisions import ReleaseBook, ReleaseView
from schemas.records import CommandKind, ModelRelease, RolloutCommand
from schemas.registry import registry_from
from schemas.topics import MODEL_RELEASES, ROLLOUT_COMMANDS, TopicSpec
from streams.rollout.policy import load_policy

app = typer.Typer(no_args_is_help=True, help="Look at releases and order what happens to them.")

Release = Annotated[str, typer.Argument(help="the release")]
Reason = Annotated[str, typer.Option("--reason", "-m", help="why, in one sentence")]
As = Annotated[str, typer.Option("--as", help="name of the key that signs the order")]
Stratum = Annotated[
    str | None, typer.Option("--stratum", help="hardware generation; without it: all")
]


@app.command()
def create(
    file: Annotated[
        Path, typer.Argument(help="the proposal: YAML or JSON, see docs/rollout-operations.md")
    ],
    signer: Annotated[
        str, typer.Option("--as", help="name of the key that signs; its owner cannot approve")
    ] = "trainer",
) -> None:
    """Propose a release: store its model, and begin its sequence on the log."""
    from infra.cli.release_creating import ProposalError, proposed  # noqa: PLC0415 - loads scipy

    settings = Settings()
    key = load_signer(settings.keys_dir, signer)
    try:
        record, wrong = proposed(file, key, read_book(settings), ObjectStore(settings.objects_url))
    except ProposalError as error:
        fail(str(error), Exit.USAGE)
    if wrong:
        fail(f"the gate would reject {record.release_id}: {'; '.join(wrong)}", Exit.USAGE)
    _publish(settings, MODEL_RELEASES, record)
    parent = record.parent_release_id or "none, it is the first"
    say(
        f"{record.release_id} is proposed, counter {record.counter}, parent {parent}; "
        f"see: fleetloop releases get {record.release_id}"
    )


@app.command("list")
def list_(output: FormatOption = Format.TABLE) -> None:
    """Every release, oldest first, with where it stands."""
    book = read_book(Settings())
    show([release_row(view) for view in book.releases.values()], output)


@app.command()
def get(
    release_id: Release,
    output: FormatOption = Format.TABLE,
    *,
    explain: Annotated[
        bool, typer.Option("--explain", help="each test's evidence, and what is missing to advance")
    ] = False,
) -> None:
    """One release by stratum: status, wave, share and why."""
    settings = Settings()
    book = read_book(settings)
    view = _found(book, release_id)
    for sentence in affected(settings, view.proposal):
        say(sentence)
    if not explain:
        show(stratum_rows(view), output)
        return
    from infra.cli.release_evidence import explained  # noqa: PLC0415 - loads scipy, a second

    rows = explained(settings, book, view)
    show(rows if output is Format.JSON else list(in_words(rows)), output)


@app.command()
def status(
    release_id: Release,
    output: FormatOption = Format.TABLE,
    timeout: Annotated[
        float | None, typer.Option(min=0.0, help="seconds to wait at most; without it: for ever")
    ] = None,
) -> None:
    """Wait until a release is settled. 0: completed; 3: back, ended or held; 5: not settled yet."""
    say(f"waits until it is settled; each step is told by: fleetloop releases watch {release_id}")
    view, ended = _followed(release_id, timeout, told=False)
    show(stratum_rows(view), output)
    if ended is None:
        fail(f"release {release_id} is not settled after {timeout:g} s", Exit.TIMED_OUT)
    if ended is not Exit.OK:
        fail(f"release {release_id} did not complete everywhere", ended)


@app.command()
def watch(release_id: Release) -> None:
    """Tell each decision about a release as it is taken, until it is settled or Ctrl-C."""
    _followed(release_id, None, told=True)


@app.command()
def verify(
    release_id: Release,
    device: Annotated[str, typer.Option(help="the device's id")],
    evidence: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            help="the device's evidence.log, or the folder it lies in; "
            "without it: that of a simulated device",
        ),
    ] = None,
    director: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            file_okay=False,
            help="the Director's metadata; without it: this installation's",
        ),
    ] = None,
    images: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="the image repository's")
    ] = None,
    roots: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            file_okay=False,
            help="folder with director/root.json and image_repo/root.json; without it: "
            "the pinned ones, or of given metadata the first",
        ),
    ] = None,
    hardware: Annotated[
        str | None, typer.Option(help="the device's generation; without it: as its acks say")
    ] = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Hold what a device claims about a release against what was signed.

    0: nothing speaks against it; 3: a part is contradicted, or the device has said nothing.
    """
    from infra.cli import release_verifying as verifying  # noqa: PLC0415 - loads python-tuf

    settings = Settings()
    view = _found(read_book(settings), release_id)
    try:
        chain = verifying.evidence_of(settings, device, evidence)
        acks = verifying.acks_of(settings, device, release_id)
        findings = verifying.judge(
            verifying.claim(view, device, hardware, acks, chain),
            verifying.published(settings, director, roots, director=True),
            verifying.published(settings, images, roots, director=False),
        )
    except verifying.ClaimError as error:
        fail(str(error), Exit.USAGE)
    except verifying.EvidenceError as error:
        fail(f"evidence of {device}: {error}", Exit.CONDITION_NOT_MET)
    show([dataclasses.asdict(one) for one in findings], output)
    if not verifying.holds(findings):
        fail(f"the claim of {device} about {release_id} does not hold", Exit.CONDITION_NOT_MET)


@app.command()
def approve(release_id: Release, reason: Reason = "approved", signer: As = "operator") -> None:
    """Approve a release. Its author cannot, and a safety-relevant one needs two people."""
    _order(release_id, CommandKind.APPROVE, reason, signer, None)


@app.command()
def pause(
    release_id: Release, reason: Reason, signer: As = "operator", stratum: Stratum = None
) -> None:
    """Let no new device take a release. Attempts under way finish."""
    _order(release_id, CommandKind.PAUSE, reason, signer, stratum)


@app.command()
def resume(
    release_id: Release, reason: Reason, signer: As = "operator", stratum: Stratum = None
) -> None:
    """Let a held or paused release go on. Failures known by then no longer hold it."""
    _order(release_id, CommandKind.RESUME, reason, signer, stratum)


@app.command()
def abort(
    release_id: Release, reason: Reason, signer: As = "operator", stratum: Stratum = None
) -> None:
    """End a rollout where it is. Devices that run the release keep it."""
    _order(release_id, CommandKind.ABORT, reason, signer, stratum)


@app.command()
def rollback(
    release_id: Release, reason: Reason, signer: As = "operator", stratum: Stratum = None
) -> None:
    """Send every device that runs the release back to its parent."""
    _order(release_id, CommandKind.ROLLBACK, reason, signer, stratum)


def _followed(
    release_id: str, timeout: float | None, *, told: bool
) -> tuple[ReleaseView, Exit | None]:
    """The release when it is settled or the time is over, and how it ended."""
    following = Following(Settings())
    try:
        following.catch_up()
        view = _found(following.book, release_id)
        if told:
            _tell(stratum_rows(view))
        ended = verdict(view)
        for fact in following.decisions(timeout) if ended is None else ():
            if fact is not None and told and fact.record.release_id == release_id:
                _tell([decision_row(fact.record)])
            view = following.book.releases[release_id]
            if fact is None and (ended := verdict(view)) is not None:
                break
    finally:
        following.close()
    return view, ended


def _tell(rows: list[dict[str, Any]]) -> None:
    """A line each, as soon as it is known."""
    for row in rows:
        share = "" if row["share"] is None else f" share {row['share']:.3g}"
        typer.echo(f"{row['since']} {row['stratum']}: {row['status']}{share}: {row['reason']}")


def _order(
    release_id: str, kind: CommandKind, reason: str, signer_name: str, stratum: str | None
) -> None:
    settings = Settings()
    back = kind is CommandKind.ROLLBACK  # no other order needs the policy
    ledger = read_ledger(settings, load_policy(settings.policy_file).monitor_s if back else None)
    view, now_us = _found(ledger.book, release_id), time.time_ns() // 1_000
    if stratum is not None and stratum not in view.strata:
        strata = ", ".join(view.strata)
        fail(f"release {release_id} is for {strata}, not for {stratum}", Exit.USAGE)
    since_us = ledger.retired_us(release_id)
    why = useless(
        view,
        kind,
        stratum,
        with_parent=ledger.book.parent(view) is not None,
        history_us=since_us if since_us is not None and since_us <= now_us else None,
    )
    if why is not None:
        fail(f"{kind} of {release_id} would do nothing: {why}", Exit.CONDITION_NOT_MET)
    order = signed_order(
        load_signer(settings.keys_dir, signer_name),
        release_id,
        kind,
        reason=reason,
        stratum=stratum,
        issued_ts=now_us,
    )
    _publish(settings, ROLLOUT_COMMANDS, order)
    say(f"{kind} of {release_id} is ordered; see: fleetloop releases get {release_id}")


def _publish(settings: Settings, topic: TopicSpec, record: ModelRelease | RolloutCommand) -> None:
    codec = Codec(registry_from(settings.registry_url))
    with Publisher(settings.kafka, codec, f"fleetloop.releases-{os.getpid()}") as publisher:
        publisher.publish(topic, record)
        publisher.flush()


def _found(book: ReleaseBook, release_id: str) -> ReleaseView:
    view = book.releases.get(release_id)
    if view is None:
        fail(f"no release {release_id}; see: fleetloop releases list", Exit.CONDITION_NOT_MET)
    return view
