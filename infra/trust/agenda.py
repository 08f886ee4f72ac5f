"""What is laid out for signing: first Roots, rotations, and what a release needs."""

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from securesystemslib.signer import SSlibKey
from tuf.api.metadata import Root, Targets

from infra.objects import ObjectMissingError, ObjectStore
from infra.sealed_key import write_private
from infra.trust.ceremony import Ceremony, CeremonyError, Paper
from infra.trust.key_folder import KeyFolder
from infra.trust.pinned import PINNED
from infra.trust.roots import OFFLINE, ROLES, Holders, first_root, online_name, replaced
from infra.trust.shelf import Shelf
from infra.trust.signed_file import REPOSITORIES, expiry, holder, public_key
from infra.trust.vouching import artifact_of, vouched
from producers.device.trust.deltas import Delta
from producers.device.trust.images import address
from producers.device.trust.known import Signed
from producers.device.trust.places import TARGETS
from producers.patches import patch
from schemas.decisions import ReleaseBook
from schemas.known_inputs import KnownInputsError, from_json, known_name
from schemas.records import ModelRelease


def begin(ceremony: Ceremony, holders: Holders, online: KeyFolder, now: datetime) -> list[Paper]:
    """Make the online keys and lay out the first Roots and the first, empty Targets.

    Raises:
        CeremonyError: The folder holds a ceremony already.
        KeysError, RootError: A key cannot be made, or the threshold cannot be met.
    """
    if ceremony.all():
        raise CeremonyError(
            f"{ceremony.folder}: holds a ceremony already; see: fleetloop keys list"
        )
    roots = {}
    for repository in REPOSITORIES:
        first_root(repository, holders, dict.fromkeys(ROLES, holders.keys[0]), now)  # all or none
    for repository in REPOSITORIES:
        keys = {}
        for role in ROLES:
            if role not in OFFLINE[repository]:
                name = online_name(repository, role, 1)
                keys[role] = public_key(name, _made(online, name))
        roots[repository] = first_root(repository, holders, keys, now)
    papers = [ceremony.add(repository, root) for repository, root in roots.items()]
    first = Targets(version=1, expires=expiry("targets", now))
    return [*papers, ceremony.add("images", first)]


def next_root(
    ceremony: Ceremony, repository: str, change: Callable[[Root], Root], now: datetime
) -> list[Paper]:
    """Lay out a repository's next Root, and its Targets again where their holders changed.

    Raises:
        CeremonyError: The Root before is not complete yet: devices walk one version at a time.
        RootError: The change cannot be made.
    """
    newest = ceremony.root(repository)
    if not newest.complete:
        raise CeremonyError(
            f"{ceremony.folder / newest.name}: not signed by enough yet; finish it first, devices "
            "walk one version at a time"
        )
    before: Root = newest.document.signed
    after = change(before)
    papers = [ceremony.add(repository, after)]
    same = set(before.roles["targets"].keyids) == set(after.roles["targets"].keyids)
    if repository == "images" and not same:
        papers.append(again(ceremony, now))
    return papers


def again(ceremony: Ceremony, now: datetime) -> Paper:
    """Lay out the newest Targets once more, to be good for longer or signed by others.

    Raises:
        CeremonyError: There are none.
    """
    papers = ceremony.papers("images", "targets")
    if not papers:
        raise CeremonyError(f"{ceremony.folder}: no Targets; run: fleetloop keys init")
    before: Targets = papers[-1].document.signed
    version = before.version + 1
    return ceremony.add(
        "images", Targets(version, None, expiry("targets", now), dict(before.targets))
    )


def exchanged(
    out: Sequence[str], into: Sequence[SSlibKey], now: datetime
) -> Callable[[Root], Root]:
    """The change that puts keys in the places of some holders'; see `replaced`."""
    return lambda root: replaced(root, now, out=out, into=into)


def online_renewed(
    online: KeyFolder, roles: Sequence[str], repository: str, now: datetime
) -> Callable[[Root], Root]:
    """The change that gives online roles new keys of this host.

    Raises:
        KeysError: A key cannot be made.
    """

    def change(root: Root) -> Root:
        after = root
        for role in roles:
            (key_id,) = root.roles[role].keyids
            old, name = holder(root.keys[key_id]), _next_name(online, repository, role)
            after = replaced(after, now, out=[old], into=[public_key(name, online.make(name))])
        after.version = root.version + 1
        return after

    return change


def vouch(
    ceremony: Ceremony, book: ReleaseBook, release_id: str, objects: ObjectStore, now: datetime
) -> Paper:
    """Store a release's image and its patch, and lay out the Targets that vouch for them.

    Raises:
        CeremonyError: There is no such release, or Targets before it await signatures.
        ObjectMissingError, ObjectCorruptError: The model is not what the proposal says.
    """
    view = book.releases.get(release_id)
    if view is None:
        raise CeremonyError(f"no release {release_id} on the log; see: fleetloop releases list")
    papers = ceremony.papers("images", "targets")
    if papers and not papers[-1].complete:
        raise CeremonyError(
            f"{ceremony.folder / papers[-1].name}: awaits signatures; sign it or remove it first"
        )
    before = papers[-1].document.signed if papers else None
    parent = book.releases.get(view.proposal.parent_release_id or "")
    lineage = parent.proposal if parent else None
    deltas = _deltas(objects, view.proposal, lineage)
    models = {
        one.digest: one.uri for one in map(artifact_of, filter(None, (view.proposal, lineage)))
    }
    known = {digest: one for digest in models if (one := _known(objects, digest)) is not None}
    targets = vouched(before, view.proposal, lineage, now, deltas, known)
    fresh = targets.targets.keys() - (before.targets.keys() if before else set())
    for path in sorted(fresh):
        file = targets.targets[path]
        digest = file.hashes["sha256"]
        place = f"{TARGETS}/{address(file, consistent=True)}"
        objects.put_named(place, objects.get(models[digest], digest=digest))
    return ceremony.add("images", targets)


def publish(ceremony: Ceremony, objects: ObjectStore, keys_dir: Path) -> list[str]:
    """Store what is complete; pin the first Roots where this installation has none yet.

    Raises:
        CeremonyError, OSError: As `Ceremony.publish`.
    """
    done = []
    for repository in REPOSITORIES:
        done += ceremony.publish(repository, Shelf(objects, repository))
        first = ceremony.papers(repository, "root")[:1]
        pinned = keys_dir / PINNED.format(repository)
        if first and first[0].complete and not pinned.exists():
            write_private(pinned, first[0].document.data)
    return done


def _deltas(
    objects: ObjectStore, proposal: ModelRelease, parent: ModelRelease | None
) -> Sequence[Delta]:
    """The patch from the parent's model, when sending it is less than sending the whole."""
    if parent is None:
        return []
    old, new = (
        objects.get(one.uri, digest=one.digest)
        for one in (artifact_of(parent), artifact_of(proposal))
    )
    made = patch(old, new)
    if made is None:
        return []
    return [_stored(objects, artifact_of(parent).digest, made)]


def _known(objects: ObjectStore, model_digest: str) -> Signed | None:
    """The known inputs that the trainer left for a model, stored for devices; None: it left none.

    Raises:
        CeremonyError: They are none: people would sign what makes every device go back.
    """
    name = known_name(model_digest)
    try:
        body = objects.get(name)
    except ObjectMissingError:
        return None
    try:
        from_json(body)
    except KnownInputsError as error:
        raise CeremonyError(f"{objects.uri(name)}: {error}; remove it or have it made") from error
    signed = Signed(length=len(body), digest=hashlib.sha256(body).hexdigest())
    objects.put_named(f"{TARGETS}/{signed.path}", body)
    return signed


def _stored(objects: ObjectStore, base: str, made: bytes) -> Delta:
    digest = hashlib.sha256(made).hexdigest()
    delta = Delta(base=base, length=len(made), digest=digest)
    objects.put_named(f"{TARGETS}/{delta.path}", made)
    return delta


def _made(online: KeyFolder, name: str) -> bytes:
    """A key of the host; one that an init made which did not come to its end is used."""
    return online.public(name) if name in online.names() else online.make(name)


def _next_name(online: KeyFolder, repository: str, role: str) -> str:
    number = 1
    while (name := online_name(repository, role, number)) in online.names():
        number += 1
    return name
