"""The desk at which keys are made and ceremonies held: drafts here, what is complete published."""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, TargetFile, Targets

from infra.keys import make_keys, make_passphrase
from infra.objects import ObjectStore
from infra.sealed_key import SUFFIX
from infra.trust.ceremony import (
    CeremonyError,
    Missing,
    first_root,
    missing,
    next_root,
    next_targets,
    sign,
)
from infra.trust.issuing import Issuer
from infra.trust.keystore import (
    OFFLINE_KEYS,
    ONLINE_KEYS,
    make_key,
    online_keys,
    online_path,
    public_key,
    signer,
)
from infra.trust.roles import OFFLINE, Repo, key_name
from infra.trust.shelf import Shelf

DRAFTS: Final = "drafts"


class Desk:
    """Keys and repositories of one installation.

    Args:
        keys_dir: What servers hold, and drafts.
        objects: Where devices read metadata.
        now: Clock, UTC.
    """

    def __init__(self, keys_dir: Path, objects: ObjectStore, now: Callable[[], datetime]) -> None:
        self._keys_dir, self._now = keys_dir, now
        self.shelves = {repo: Shelf(objects, repo) for repo in Repo}

    def init(
        self, people: Mapping[str, bytes], offline: Path, thresholds: Mapping[str, int]
    ) -> None:
        """Make every key and publish the first metadata of both repositories.

        Args:
            people: Name and passphrase of everyone who holds offline keys.
            offline: Gets a folder for each; it is to leave this machine.
            thresholds: Signatures each offline role needs.

        Raises:
            CeremonyError: There are repositories already, or fewer people than a threshold.
            KeysError: A key is there already.
        """
        if any(shelf.version(Root.type) for shelf in self.shelves.values()):
            raise CeremonyError(f"{self.shelves[Repo.IMAGES].prefix}: there are roots already")
        if (most := max(thresholds.values())) > len(people):
            raise CeremonyError(f"threshold {most}: more than the {len(people)} people there are")
        make_keys(self._keys_dir)
        passphrase = make_passphrase(self._keys_dir)
        for repo, role in ONLINE_KEYS:
            make_key(online_path(self._keys_dir, repo, role), passphrase)
        for name, secret in people.items():
            for repo, role in OFFLINE_KEYS:
                make_key(_theirs(offline, name, repo, role), secret)
        for repo in Repo:
            self._begin(repo, people, offline, thresholds)

    def root(self, repo: Repo) -> Root:
        """The newest Root of a repository.

        Raises:
            CeremonyError: There is none.
        """
        found = self.shelves[repo].newest(Root.type)
        if found is None:
            raise CeremonyError(f"{self.shelves[repo].prefix}: no root; run fleetloop keys init")
        root: Root = found.metadata.signed
        return root

    def issuer(self, repo: Repo) -> Issuer:
        """What issues a repository's metadata with the keys that this server holds.

        Raises:
            CeremonyError: There is no root. KeysError: A key of a role is not here.
        """
        keys = online_keys(self._keys_dir, repo, self.root(repo))
        return Issuer(self.shelves[repo], keys, self._now)

    def rotate(self, repo: Repo, role: str) -> Path:
        """Draft a Root in which a new key takes the place of a server's keys of a role.

        Raises:
            CeremonyError: The keys of the role are offline: their people bring new ones.
        """
        if role in OFFLINE[repo]:
            raise CeremonyError(
                f"{key_name(repo, role)} is offline: revoke a key by its id, with --by NEW.key"
            )
        root = self.root(repo)
        made = make_key(online_path(self._keys_dir, repo, role), make_passphrase(self._keys_dir))
        out = [(key_id, role) for key_id in root.roles[role].keyids]
        return self._draft(repo, next_root(root, out=out, into=[(role, made)], now=self._now()))

    def revoke(self, key_id: str, by: Path | None) -> list[Path]:
        """Draft Roots without a key, in every repository and role that names it.

        Args:
            key_id: Its id, or enough of its beginning.
            by: The sealed key that takes its place; None: nobody does.

        Raises:
            CeremonyError: No Root names it, or a role would have too few keys.
        """
        into = None if by is None else public_key(by)
        drafts = []
        for repo in Repo:
            root = self.root(repo)
            out = [
                (name, role)
                for role, entry in root.roles.items()
                for name in entry.keyids
                if name.startswith(key_id)
            ]
            if out:
                new = [(role, into) for _, role in out] if into is not None else []
                made = next_root(root, out=out, into=new, now=self._now())
                drafts.append(self._draft(repo, made))
        if not drafts:
            raise CeremonyError(f"no root names a key {key_id}; see fleetloop keys list")
        return drafts

    def draft_images(self, added: Mapping[str, TargetFile]) -> Path:
        """Draft the image repository's next Targets.

        Raises:
            CeremonyError: An image would be replaced.
        """
        newest = self.shelves[Repo.IMAGES].newest(Targets.type)
        signed = newest.metadata.signed if newest else None
        return self._draft(Repo.IMAGES, next_targets(signed, added, self._now()))

    def sign(self, draft: Path, key: Path, passphrase: bytes) -> list[Missing]:
        """Add a signature; what is complete is published and the draft removed.

        Raises:
            CeremonyError: It is no draft, an outdated one, or the key has no say over it.
            KeysError: The key does not open.
        """
        metadata = _read(draft)
        repo, role = Repo(draft.parent.name), metadata.signed.type
        root = self.root(repo)
        expected = self.shelves[repo].version(role) + 1
        if metadata.signed.version != expected:
            raise CeremonyError(
                f"{draft}: version {metadata.signed.version}, next is {expected}; draft it anew"
            )
        sign(metadata, signer(key, passphrase), root)
        lacks = missing(metadata, root)
        if lacks:
            metadata.to_file(str(draft))
            return lacks
        self._publish(repo, metadata)
        draft.unlink()
        return []

    def _publish(self, repo: Repo, metadata: Metadata[Any]) -> None:
        if metadata.signed.type == Targets.type:
            self.issuer(repo).publish(metadata)
            return
        before = self.root(repo)
        self.shelves[repo].put(metadata)
        self.issuer(repo).renew_all()
        offline = OFFLINE[repo] - {Root.type}
        changed = [role for role in offline if before.roles[role] != metadata.signed.roles[role]]
        if changed:  # what the old keys signed is void now: the same again, for the new ones
            self.draft_images({})

    def _begin(
        self,
        repo: Repo,
        people: Mapping[str, bytes],
        offline: Path,
        thresholds: Mapping[str, int],
    ) -> None:
        keys = {
            role: [
                public_key(offline / name / f"{key_name(repo, role)}{SUFFIX}") for name in people
            ]
            for role in OFFLINE[repo]
        }
        for held, role in ONLINE_KEYS:
            if held is repo:
                first = self._keys_dir / f"{key_name(repo, role)}-1{SUFFIX}"
                keys[role] = [public_key(first)]
        needed = {role: thresholds[role] for role in OFFLINE[repo]}
        root = first_root(keys, needed, self._now())
        for name, secret in people.items():
            sign(root, signer(_theirs(offline, name, repo, Root.type), secret), None)
        self.shelves[repo].put(root)
        self._first_targets(repo, people, offline)

    def _first_targets(self, repo: Repo, people: Mapping[str, bytes], offline: Path) -> None:
        if Targets.type not in OFFLINE[repo]:
            self.issuer(repo).order({})
            return
        empty = next_targets(None, {}, self._now())
        for name, secret in people.items():
            key = signer(_theirs(offline, name, repo, Targets.type), secret)
            sign(empty, key, self.root(repo))
        self.issuer(repo).publish(empty)

    def _draft(self, repo: Repo, metadata: Metadata[Any]) -> Path:
        signed = metadata.signed
        folder = self._keys_dir / DRAFTS / repo.value
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / f"{signed.version}.{signed.type}.json"
        metadata.to_file(str(path))
        return path


def _theirs(offline: Path, person: str, repo: Repo, role: str) -> Path:
    return offline / person / f"{key_name(repo, role)}{SUFFIX}"


def _read(draft: Path) -> Metadata[Any]:
    try:
        return Metadata.from_file(str(draft))
    except RepositoryError as error:
        raise CeremonyError(f"{draft}: not a draft of metadata: {error}") from error
