"""Issues the online roles of one repository: what is said changes, or would soon expire.

Targets first, then the Snapshot that names them, the Timestamp last: until it stands, a device sees
the repository as it was. So a run that is killed anywhere is finished by the next one, and a round
with nothing to do writes nothing. A version is one above the highest that ever stood there, never
the same one twice.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tuf.api.metadata import Root, Snapshot, TargetFile, Targets, Timestamp

from infra.trust.shelf import Shelf, listed
from infra.trust.signed_file import LIFE, expiry, holder, signed_by, verified
from producers.device.trust.documents import Document

Load = Callable[[str], Ed25519PrivateKey]


class IssueError(RuntimeError):
    """The repository cannot be issued; the message says what a person must do."""


class Issuer:
    """Issues for one repository.

    Args:
        shelf: Where it is published.
        trusted: The Root that this host trusts to begin with.
        load: Opens an online key by its holder's name; raises KeysError.
    """

    def __init__(self, shelf: Shelf, trusted: bytes, load: Load) -> None:
        self._shelf, self._trusted, self._load = shelf, trusted, load
        self._keys: dict[str, Ed25519PrivateKey] = {}

    def issue(
        self, now: datetime, targets: Mapping[str, TargetFile] | None = None
    ) -> Mapping[str, int]:
        """Bring the repository up to date.

        Args:
            now: UTC.
            targets: What its Targets are to say; None: a ceremony signs them, they are only named.

        Returns:
            Version by role of what was issued; empty: nothing had to be.

        Raises:
            IssueError: Metadata that was issued is gone, or a key is not this host's.
            RefusedError: A Root in the store is not signed by the one before.
            OSError: The store does not take it.
        """
        root = self._shelf.root(self._trusted).signed
        issued: dict[str, int] = {}

        def renew(role: str, build: Callable[[int], Any]) -> Document[Any]:
            version = 1 + max(self._shelf.versions()[role], default=0)
            data = signed_by(build(version), [self._key(root, role)])
            document = verified(data, role, self._shelf.repository, [root])
            self._shelf.put(role, version, data)
            issued[role] = version
            return document

        named = self._targets(root, now, targets, renew)
        snapshot = self._snapshot(root, now, named, renew)
        self._timestamp(root, now, snapshot, renew)
        return issued

    def _targets(
        self,
        root: Root,
        now: datetime,
        targets: Mapping[str, TargetFile] | None,
        renew: Callable[[str, Callable[[int], Any]], Document[Any]],
    ) -> Document[Targets]:
        current = self._shelf.newest("targets", root)
        if targets is None:
            if current is None:
                raise IssueError(
                    "the image repository has no Targets that its Root's holders have signed; "
                    "sign and publish them: fleetloop keys sign, keys publish"
                )
            return current
        if current is not None and current.signed.targets == targets and _fresh(current, now):
            return current
        return renew(
            "targets", lambda version: Targets(version, None, expiry("targets", now), dict(targets))
        )

    def _snapshot(
        self,
        root: Root,
        now: datetime,
        targets: Document[Targets],
        renew: Callable[[str, Callable[[int], Any]], Document[Any]],
    ) -> Document[Snapshot]:
        current = self._shelf.newest("snapshot", root)
        meta = {"targets.json": listed(targets)}
        if current is not None:
            was = current.signed.meta["targets.json"]
            if was.version > targets.version:
                raise IssueError(
                    f"{self._shelf.repository}: Snapshot {current.version} names Targets "
                    f"{was.version}, the newest that verifies is {targets.version}; devices would "
                    "refuse to go back: restore the object store, or sign Targets above it"
                )
            if current.signed.meta == meta and _fresh(current, now):
                return current
        return renew(
            "snapshot", lambda version: Snapshot(version, None, expiry("snapshot", now), meta)
        )

    def _timestamp(
        self,
        root: Root,
        now: datetime,
        snapshot: Document[Snapshot],
        renew: Callable[[str, Callable[[int], Any]], Document[Any]],
    ) -> None:
        current = self._shelf.newest("timestamp", root)
        meta = listed(snapshot)
        shown = self._shelf.read("timestamp.json")
        if (
            current is not None
            and shown == current.data
            and current.signed.snapshot_meta == meta
            and _fresh(current, now)
        ):
            return
        renew("timestamp", lambda version: Timestamp(version, None, expiry("timestamp", now), meta))

    def _key(self, root: Root, role: str) -> Ed25519PrivateKey:
        (key_id,) = root.roles[role].keyids
        if key_id not in self._keys:
            self._keys[key_id] = self._load(holder(root.keys[key_id]))
        return self._keys[key_id]


def _fresh(document: Document[Any], now: datetime) -> bool:
    """Whether more than half of its life is left; the rest is for noticing that nothing renews."""
    left = document.signed.expires - now
    return bool(left > LIFE[document.role] / 2)
