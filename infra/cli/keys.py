"""`fleetloop keys`: keys, ceremonies in which several people sign, and what becomes of both."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from securesystemslib.signer import SSlibKey

from infra.cli.log import read_book
from infra.cli.output import Exit, Format, FormatOption, fail, say, show
from infra.keys import KEYRING, load_keyring, revoke_signer
from infra.objects import ObjectStore
from infra.sealed_key import public_half
from infra.settings import Settings
from infra.trust import agenda
from infra.trust.ceremony import Ceremony, Paper
from infra.trust.key_folder import KeyFolder
from infra.trust.key_rows import key_rows, paper_rows
from infra.trust.roots import OFFLINE, ROLES, Holders
from infra.trust.signed_file import REPOSITORIES, holder, public_key

app = typer.Typer(no_args_is_help=True, help="Make, list, rotate and revoke keys; sign with them.")

Folder = Annotated[
    Path,
    typer.Argument(metavar="CEREMONY", help="folder of the ceremony; it travels", file_okay=False),
]
Keys = Annotated[
    Path | None, typer.Option("--keys", help="folder of the keys; without it: keys_dir")
]
Secret = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file", help="file, or descriptor as /dev/fd/3; without it: asked, or beside"
    ),
]


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="whose key it is: a-z, 0-9 and -")],
    keys: Annotated[
        Path, typer.Option("--keys", help="folder of the person's own, such as a stick")
    ],
    passphrase_file: Secret = None,
) -> None:
    """Make a person's key, sealed; <name>.key can be shown to others, who cannot open it."""
    public = KeyFolder(keys, passphrase_file).make(name)
    say(f"{keys / name}.key is made; its public half is {public.hex()}")


@app.command()
def init(
    folder: Folder,
    holders: Annotated[
        list[Path], typer.Option("--holder", help="key file of a person; once for each")
    ],
    threshold: Annotated[int, typer.Option(help="how many of them must sign")],
    keys: Keys = None,
    passphrase_file: Secret = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Make the online host's keys, and lay out the first Roots and Targets for the people."""
    people = Holders([_public(path) for path in holders], threshold)
    papers = agenda.begin(Ceremony(folder), people, _online(keys, passphrase_file), _now())
    _laid_out(folder, papers, output)


@app.command("list")
def list_(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="[CEREMONY]", help="without it: signers and online keys"),
    ] = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Who may sign what; of a ceremony: its files, who has signed, and who is missing."""
    if folder is not None:
        show(paper_rows(Ceremony(folder).all()), output, empty="no file awaits or has signatures")
        return
    keys_dir = Settings().keys_dir
    ring = load_keyring(keys_dir).keys if (keys_dir / KEYRING).exists() else {}
    show(key_rows(KeyFolder(keys_dir), ring), output, empty=f"no key in {keys_dir}")


@app.command()
def sign(
    folder: Folder,
    name: Annotated[str, typer.Option("--as", help="whose signature")],
    keys: Keys = None,
    passphrase_file: Secret = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Add one person's signature to all that awaits it; others sign after, or sign a copy."""
    key = KeyFolder(keys or Settings().keys_dir, passphrase_file).load(name)
    papers = Ceremony(folder).sign(name, key)
    if not papers:
        fail(
            f"{folder}: nothing awaits the key of {name}; see: fleetloop keys list {folder}",
            Exit.CONDITION_NOT_MET,
        )
    show(paper_rows(papers), output)


@app.command()
def merge(
    folder: Folder,
    copy: Annotated[Path, typer.Argument(help="a copy of it that others have signed")],
    output: FormatOption = Format.TABLE,
) -> None:
    """Take the signatures of a copy into the ceremony."""
    ceremony = Ceremony(folder)
    ceremony.merge(Ceremony(copy))
    show(paper_rows(ceremony.open()), output, empty="nothing awaits a signature any more")


@app.command()
def rotate(
    folder: Folder,
    repository: Annotated[str, typer.Option(help="director or images")],
    roles: Annotated[
        list[str] | None, typer.Option("--role", help="online role that gets a new key; repeatable")
    ] = None,
    out: Annotated[str | None, typer.Option(help="person whose key is replaced")] = None,
    into: Annotated[Path | None, typer.Option(help="key file that comes instead")] = None,
    keys: Keys = None,
    passphrase_file: Secret = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Lay out the next Root: with other keys, or without options the same, good for longer."""
    if repository not in REPOSITORIES:
        fail(f"--repository {repository}: must be {' or '.join(REPOSITORIES)}", Exit.USAGE)
    if (out is None) != (into is None) or (roles and out):
        fail("give --role, or --out with --into, or none of them", Exit.USAGE)
    now, ceremony = _now(), Ceremony(folder)
    if roles:
        mine = sorted(set(ROLES) - set(OFFLINE[repository]))
        if wrong := set(roles) - set(mine):
            fail(f"--role {wrong.pop()}: the online host has {', '.join(mine)}", Exit.USAGE)
        change = agenda.online_renewed(_online(keys, passphrase_file), roles, repository, now)
    else:
        gone, come = [out] if out else [], [_public(into)] if into else []
        change = agenda.exchanged(gone, come, now)
    papers = agenda.next_root(ceremony, repository, change, now)
    if repository == "images" and not roles and out is None:
        papers.append(agenda.again(ceremony, now))
    _laid_out(folder, papers, output)


@app.command()
def revoke(
    name: Annotated[str, typer.Argument(help="a signer of decisions, or a holder in the Roots")],
    folder: Annotated[
        Path | None, typer.Option("--ceremony", help="for a holder: lay out Roots without the key")
    ] = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Take a key's word away: a signer's from now on, a holder's in the next Roots."""
    if folder is None:
        revoke_signer(Settings().keys_dir, name, time.time_ns() // 1_000)
        say(f"what {name} signs counts no more from now on; start gate and devices again")
        return
    ceremony, now, papers = Ceremony(folder), _now(), []
    for repository in REPOSITORIES:
        root = ceremony.root(repository).document.signed
        if name in map(holder, root.keys.values()):
            change = agenda.exchanged([name], [], now)
            papers += agenda.next_root(ceremony, repository, change, now)
    if not papers:
        fail(f"{folder}: no key of {name} in the newest Roots", Exit.CONDITION_NOT_MET)
    _laid_out(folder, papers, output)


@app.command()
def vouch(
    release_id: Annotated[str, typer.Argument(help="the release")],
    folder: Folder,
    output: FormatOption = Format.TABLE,
) -> None:
    """Lay out what people sign of a release: its image, and its parent's as the way back."""
    settings = Settings()
    book = read_book(settings)
    objects = ObjectStore(settings.objects_url)
    papers = [agenda.vouch(Ceremony(folder), book, release_id, objects, _now())]
    _laid_out(folder, papers, output)


@app.command()
def publish(folder: Folder) -> None:
    """Store what enough people have signed; the director worker does the rest within a minute."""
    settings = Settings()
    objects = ObjectStore(settings.objects_url)
    done = agenda.publish(Ceremony(folder), objects, settings.keys_dir)
    waiting = Ceremony(folder).open()
    say(f"published: {', '.join(done) or 'nothing new'}")
    if waiting:
        names = ", ".join(paper.name for paper in waiting)
        fail(
            f"not signed by enough yet: {names}; see: fleetloop keys list {folder}",
            Exit.CONDITION_NOT_MET,
        )


def _laid_out(folder: Path, papers: list[Paper], output: Format) -> None:
    show(paper_rows(papers), output)
    say(
        f"sign: fleetloop keys sign {folder} --as NAME --keys FOLDER; "
        f"then: fleetloop keys publish {folder}"
    )


def _online(keys: Path | None, passphrase_file: Path | None) -> KeyFolder:
    return KeyFolder(keys or Settings().keys_dir, passphrase_file)


def _public(path: Path) -> SSlibKey:
    """A person's public key; the file is named after its holder."""
    return public_key(path.stem, public_half(path))


def _now() -> datetime:
    return datetime.now(UTC)
