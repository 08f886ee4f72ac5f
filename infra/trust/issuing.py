"""What a server with online keys issues: Snapshot and Timestamp, and the Director's Targets."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    Metadata,
    MetaFile,
    Signed,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from infra.trust.roles import LIFE
from infra.trust.shelf import Shelf, Stored

Keys = Mapping[str, CryptoSigner]


class Issuer:
    """Issues one repository's metadata, in an order in which every moment is consistent.

    Targets first, then the Snapshot that lists them, the Timestamp last: a server killed between
    two writes leaves files that nothing points to. Versions count from the highest that was ever
    stored, so a restart never issues one twice.

    Args:
        shelf: The repository.
        keys: By role, those that this server holds.
        now: Clock, UTC.
    """

    def __init__(self, shelf: Shelf, keys: Keys, now: Callable[[], datetime]) -> None:
        self._shelf, self._keys, self._now = shelf, keys, now

    def order(self, targets: Mapping[str, TargetFile]) -> bool:
        """Issue Targets that say exactly this; False: the newest do, and nothing grew old.

        Raises:
            OSError: The object store does not take it.
        """
        newest = self._shelf.newest(Targets.type)
        said = newest is not None and newest.metadata.signed.targets == dict(targets)
        if newest is not None and said and self._listed(newest) and self._fresh(newest):
            return self.renew()
        content = Targets(
            version=self._shelf.version(Targets.type) + 1,
            expires=self._expiry(Targets.type),
            targets=dict(targets),
        )
        self.publish(self._signed(content))
        return True

    def publish(self, targets: Metadata[Targets]) -> None:
        """Store signed Targets, then the Snapshot and Timestamp that make them count.

        Raises:
            OSError: The object store does not take it.
        """
        stored = self._shelf.put(targets)
        version = targets.signed.version
        listed = MetaFile.from_data(version, stored.body, ["sha256"])
        self._snapshot({f"{Targets.type}.json": listed})

    def renew(self) -> bool:
        """Issue again what has lived half its life; False: there is nothing to do."""
        snapshot = self._shelf.newest(Snapshot.type)
        timestamp = self._shelf.newest(Timestamp.type)
        if snapshot is None:
            return False
        if not self._fresh(snapshot):
            self._snapshot(snapshot.metadata.signed.meta)
            return True
        if timestamp is None or not self._fresh(timestamp):
            self._timestamp(snapshot)
            return True
        return False

    def renew_all(self) -> None:
        """Issue again all that this server signs, whatever its age: after keys changed."""
        targets = self._shelf.newest(Targets.type)
        if targets is None:
            return
        if Targets.type not in self._keys:
            version = targets.metadata.signed.version
            listed = MetaFile.from_data(version, targets.body, ["sha256"])
            self._snapshot({f"{Targets.type}.json": listed})
            return
        content = targets.metadata.signed
        content.version = self._shelf.version(Targets.type) + 1
        content.expires = self._expiry(Targets.type)
        self.publish(self._signed(content))

    def _listed(self, targets: Stored) -> bool:
        """Whether what devices see points to these Targets: a server may have died before."""
        timestamp = self._shelf.newest(Timestamp.type)
        snapshot = self._shelf.newest(Snapshot.type)
        return (
            timestamp is not None
            and snapshot is not None
            and timestamp.metadata.signed.snapshot_meta.version == snapshot.metadata.signed.version
            and snapshot.metadata.signed.meta["targets.json"].version
            == targets.metadata.signed.version
        )

    def _snapshot(self, meta: dict[str, MetaFile]) -> None:
        content = Snapshot(
            version=self._shelf.version(Snapshot.type) + 1,
            expires=self._expiry(Snapshot.type),
            meta=meta,
        )
        self._timestamp(self._shelf.put(self._signed(content)))

    def _timestamp(self, snapshot: Stored) -> None:
        listed = MetaFile.from_data(snapshot.metadata.signed.version, snapshot.body, ["sha256"])
        content = Timestamp(
            version=self._shelf.version(Timestamp.type) + 1,
            expires=self._expiry(Timestamp.type),
            snapshot_meta=listed,
        )
        self._shelf.put(self._signed(content))

    def _signed(self, content: Signed) -> Metadata[Any]:
        metadata: Metadata[Any] = Metadata(content)
        metadata.sign(self._keys[content.type])
        return metadata

    def _fresh(self, stored: Stored) -> bool:
        signed = stored.metadata.signed
        return bool(signed.expires - self._now() > LIFE[signed.type] / 2)

    def _expiry(self, role: str) -> datetime:
        return self._now().replace(microsecond=0) + LIFE[role]
