"""One repository as a device follows it: Root, Timestamp, Snapshot, Targets, in this order.

The order and the checks are those of the Uptane Standard 2.1, "Full verification", and of TUF
1.0.31, section 5. Where they differ: a Timestamp with the version already trusted is taken for the
one already trusted, whatever it says (TUF); Uptane would allow it to say something else.
"""

from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote

from tuf.api.metadata import MetaFile, Root, Snapshot, Targets, Timestamp

from producers.device.trust.documents import (
    Delegator,
    Document,
    check_file,
    check_unexpired,
    mismatch,
)
from producers.device.trust.limits import Limits
from producers.device.trust.reading import OWN, Reader
from producers.device.trust.refusal import Reason, RefusedError
from producers.device.trust.sources import Source, refusing
from producers.device.trust.store import Store

T = TypeVar("T", Root, Timestamp, Snapshot, Targets)


class Repository:
    """Verified metadata of one repository; `refresh` once, then `targets` and `load`.

    Args:
        source: Where new metadata come from.
        store: What was trusted so far; its root is where trust begins.
        limits: Bounds, and how strictly it is read.
        now: The time to verify at, UTC.
        trust_first: Where no root is trusted yet, begin with the source's own 1.root.json: for
            looking at a repository. A device never does: it has its first root from the factory.
        reader: Who reads the files and checks their signatures.
    """

    root: Document[Root]
    timestamp: Document[Timestamp]
    snapshot: Document[Snapshot]
    targets: Document[Targets]

    def __init__(
        self,
        source: Source,
        store: Store,
        limits: Limits,
        now: datetime,
        *,
        trust_first: bool = False,
        reader: Reader = OWN,
    ) -> None:
        self._source, self._store, self._limits, self._now = source, store, limits, now
        self._trust_first, self._reader = trust_first, reader

    @property
    def consistent(self) -> bool:
        """Whether files carry version or hash in their names."""
        return bool(self.root.signed.consistent_snapshot)

    @property
    def documents(self) -> tuple[Document[Any], ...]:
        """The top-level files, refreshed."""
        return self.root, self.timestamp, self.snapshot, self.targets

    def refresh(self) -> None:
        """Follow the repository to its newest metadata; what is verified is kept at once.

        Raises:
            RefusedError: A rule is broken; what was trusted before still is.
            TrustStateError: The stored root is damaged.
            OSError: The state cannot be written.
        """
        self._walk_root()
        trusted = self._trusted_snapshot()
        self._follow_timestamp()
        self._follow_snapshot(trusted)
        self.targets = self.load("targets", self.root.signed)
        if not self._limits.delegating and self.targets.signed.delegations is not None:
            raise self.targets.refuse(Reason.DIRECTOR_DELEGATION, "the Director may not delegate")

    def load(self, role: str, delegator: Delegator) -> Document[Targets]:
        """The Targets metadata of a role, always verified against this delegator.

        A role that two others delegate to may have different keys from each: what one of them
        vouched for is nothing to the other.

        Raises:
            RefusedError: A rule is broken.
        """
        meta = self.snapshot.signed.meta.get(f"{role}.json")
        if meta is None:
            raise RefusedError(role, Reason.NOT_IN_SNAPSHOT, "Snapshot must list the role")
        kept = self._kept(role, Targets, delegator)
        if kept is not None and _is(kept, meta):
            check_unexpired(kept, self._now)
            return kept
        found = self._new(role, Targets, delegator, meta)
        _check_listed(found, meta)
        check_unexpired(found, self._now)
        self._store.put(role, found.data)
        return found

    # The top-level roles

    def _walk_root(self) -> None:
        """One version at a time, each signed by the keys of the one before and by its own."""
        self.root = self._first_root()
        for _ in range(self._limits.rotations):
            name = f"{self.root.version + 1}.root.json"
            data = self._fetch("root", name, self._limits.root)
            if data is None:
                break
            new = self._reader.read(data, "root", Root, self._limits)
            self._reader.verify(new, self.root.signed)
            self._reader.verify(new, new.signed)
            if new.version != self.root.version + 1:
                raise new.refuse(Reason.BAD_VERSION, f"must be version {self.root.version + 1}")
            self._store.put("root", new.data)
            self.root = new
        check_unexpired(self.root, self._now)
        if self._store.get("root") is None:
            self._store.put("root", self.root.data)

    def _first_root(self) -> Document[Root]:
        stored = self._store.get("root")
        data = stored
        if data is None and self._trust_first:
            data = self._fetch("root", "1.root.json", self._limits.root)
        if data is None:
            raise RefusedError("root", Reason.MISSING_FILE, "no root is trusted yet; install one")
        try:
            root = self._reader.read(data, "root", Root, self._limits)
            self._reader.verify(root, root.signed)
        except RefusedError as error:
            if stored is None:
                raise
            raise self._store.damaged("root", error.rule) from error
        return root

    def _trusted_snapshot(self) -> Document[Snapshot] | None:
        """The Snapshot trusted so far; one whose keys are gone goes, with the Timestamp naming it.

        A thief's version number would otherwise bar the true ones for ever. A Timestamp whose own
        keys are gone needs no help: it does not verify any more. One that stands alone stays, or
        an update that broke off would make the device forget what it must not go back behind.
        """
        kept = self._kept("snapshot", Snapshot)
        if kept is None and self._store.get("snapshot") is not None:
            self._store.drop("timestamp")
            self._store.drop("snapshot")
        return kept

    def _follow_timestamp(self) -> None:
        old = self._kept("timestamp", Timestamp)
        new = self._new("timestamp", Timestamp, self.root.signed, None, old)
        if old is not None and new.version == old.version:
            new = old
        elif old is not None:
            _check_not_older(new, old)
        check_unexpired(new, self._now)
        if new is not old:
            self._store.put("timestamp", new.data)
        self.timestamp = new

    def _follow_snapshot(self, old: Document[Snapshot] | None) -> None:
        meta = self.timestamp.signed.snapshot_meta
        if old is not None and _is(old, meta):
            check_unexpired(old, self._now)
            self.snapshot = old
            return
        new = self._new("snapshot", Snapshot, self.root.signed, meta)
        _check_listed(new, meta)
        if old is not None:
            _check_nothing_older(new, old)
        check_unexpired(new, self._now)
        self._store.put("snapshot", new.data)
        self.snapshot = new

    # Files

    def _kept(
        self, role: str, kind: type[T], delegator: Delegator | None = None
    ) -> Document[T] | None:
        """What is stored, if the keys that count now have signed it."""
        data = self._store.get(role)
        if data is None:
            return None
        try:
            kept = self._reader.read(data, role, kind, self._limits)
            self._reader.verify(kept, delegator or self.root.signed)
        except RefusedError:
            return None
        return kept

    def _new(
        self,
        role: str,
        kind: type[T],
        delegator: Delegator,
        meta: MetaFile | None,
        old: Document[T] | None = None,
    ) -> Document[T]:
        """What the repository has now, verified; the same bytes as `old` are `old`."""
        name = f"{quote(role, safe='')}.json"
        if meta is not None and self.consistent:
            name = f"{meta.version}.{name}"
        limit = self._limits.of(role)
        if meta is not None and meta.length is not None:
            limit = min(limit, meta.length)
        data = self._fetch(role, name, limit)
        if data is None:
            raise RefusedError(role, Reason.MISSING_FILE, f"the repository has no {name}")
        if old is not None and data == old.data:
            return old
        if meta is not None:
            check_file(role, data, meta)
        document = self._reader.read(data, role, kind, self._limits)
        self._reader.verify(document, delegator)
        return document

    def _fetch(self, role: str, name: str, limit: int) -> bytes | None:
        with refusing(role, name):
            return self._source.metadata(name, limit)


def _is(kept: Document[T], meta: MetaFile) -> bool:
    """Whether the stored file is the one that is listed now."""
    same = kept.version == meta.version
    return same and mismatch(kept.data, meta.length, meta.hashes) is None


def _check_listed(document: Document[T], meta: MetaFile) -> None:
    if document.version != meta.version:
        raise document.refuse(Reason.VERSION_MISMATCH, f"listed with version {meta.version}")


def _check_not_older(new: Document[Timestamp], old: Document[Timestamp]) -> None:
    if new.version < old.version:
        raise new.refuse(Reason.BAD_VERSION, f"version {old.version} is trusted already")
    was, now = old.signed.snapshot_meta.version, new.signed.snapshot_meta.version
    if now < was:
        rule = f"Timestamp lists version {now}, version {was} was listed before"
        raise RefusedError("snapshot", Reason.BAD_VERSION, rule, version=now)


def _check_nothing_older(new: Document[Snapshot], old: Document[Snapshot]) -> None:
    for name, was in old.signed.meta.items():
        now = new.signed.meta.get(name)
        if now is None:
            raise new.refuse(Reason.INCONSISTENT, f"{name} was listed and is not any more")
        if now.version < was.version:
            rule = f"Snapshot lists version {now.version}, version {was.version} was listed before"
            role = name.removesuffix(".json")
            raise RefusedError(role, Reason.BAD_VERSION, rule, version=now.version)
